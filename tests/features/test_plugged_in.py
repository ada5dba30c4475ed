"""A control plane whose authority somebody else has made, and replaces while it runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from tests.app.test_serve import SERVICE, Server, serving
from tests.ca.plugged import YEAR, Made, files, made, write
from tests.features.test_secure import Secure, joined
from xds.ca.spiffe_bundle import read_bundle

NOW = datetime.now(UTC)


def root(name: str) -> Made:
    return made(name, begins=NOW - YEAR, ends=NOW + YEAR)


def findings(server: Server) -> list[str]:
    found = json.loads(server.get("/debug/configz")[1])["diagnostics"]
    return [each["code"] for each in found]


async def test_files_that_change_are_taken_in_and_bad_ones_are_not(tmp_path: Path) -> None:
    config = tmp_path / "mesh"
    config.mkdir()
    (config / "a.yaml").write_text(SERVICE.replace("NAME", "a"))
    first, second = root("first"), root("second")
    cacerts = write(tmp_path / "cacerts", files(first, roots=(first,)))
    more = ("--ca-dir", str(tmp_path / "ca"), "--ca-certs", str(cacerts), "--secure-listen", "127.0.0.1:0")
    with serving(config, tmp_path / "log", *more) as server:
        secure = Secure(server, tmp_path / "ca", str(server.wait_for("serving")[0]["secure_xds"]))
        _, chain = await joined(secure)
        leaf = x509.load_pem_x509_certificates(chain)[0]
        leaf.verify_directly_issued_by(first.certificate)
        assert secure.command("ca", "status").count("plugged in") == 1
        status, document = server.get("/spiffe-bundle")
        assert (status, read_bundle(document.encode(), "cluster.local").roots) == (200, (first.certificate,))

        (cacerts / "ca-cert.pem").write_bytes(b"nothing")
        (error,) = server.wait_for("the authority cannot be refreshed; what it had stays in force")
        assert error["level"] == "error"
        assert "ca-cert.pem has no certificate in PEM" in str(error["reason"])
        assert "plugged-in-authority" in findings(server)
        await joined(secure)

        write(cacerts, files(second, roots=(second,)))
        server.wait_for("authorities changed")
        assert "plugged-in-authority" not in findings(server)
        bundle = x509.load_pem_x509_certificates(secure.roots)
        assert bundle == [first.certificate, second.certificate]
        secure.command("ca", "activate")
        server.wait_for("authorities changed", 2)
        _, chain = await joined(secure)
        x509.load_pem_x509_certificates(chain)[0].verify_directly_issued_by(second.certificate)
