"""What is said of policies that nothing enforces."""

from __future__ import annotations

import json
from pathlib import Path

from tests.app.test_serve import serving

POLICY = """\
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: NAME}
spec: {selector: {matchLabels: {app: NAME}}, mtls: {mode: MODE}}
---
"""
RULE = """\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: c}
spec: {host: c, trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}}
"""


def test_without_an_authority_a_strict_policy_is_a_warning(tmp_path: Path) -> None:
    config = tmp_path / "mesh"
    config.mkdir()
    policies = (("a", "STRICT"), ("b", "PERMISSIVE"))
    (config / "b.yaml").write_text(RULE)
    (config / "a.yaml").write_text("".join(POLICY.replace("NAME", n).replace("MODE", m) for n, m in policies))
    for more, expected in (((), ["a", "c"]), (("--ca-dir", str(tmp_path / "ca")), [])):
        secure = ("--secure-listen", "127.0.0.1:0", *more) if more else ()
        with serving(config, tmp_path / "log", *secure) as server:
            server.wait_for("configuration applied")
            found = json.loads(server.get("/debug/configz")[1])["diagnostics"]
            assert [each["object"]["name"] for each in found if each["code"] == "no-identities"] == expected
