"""The server: what ``pilothouse serve --ca-dir`` has, but for configuration, monitoring and files.

``python -m ... FOLDER``, where its authority is; who starts it removes that, as it ends without tidying up.

Orders: ``start`` (its port, its root, and for each of so many workloads a certificate with its key, all PEM),
``usage`` (CPU time in ms and resident memory in MB, of this process).
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Final

from bench.fanout.link import Answer, obey
from bench.fanout.server import usage
from xds.app import garbage, log
from xds.app.bundles import AuthorityBundles
from xds.app.oidc import OidcIssuers
from xds.app.security import open_authority, security_of
from xds.ca.encoding import certificates_pem
from xds.ca.keyed import keyed_svid
from xds.model.identity import SpiffeId
from xds.resources import EMPTY_SNAPSHOT
from xds.server import BroadcastSource, StatusBoard, XdsServer

TRUST_DOMAIN: Final = "cluster.local"
_HOST: Final = "127.0.0.1"


class IssuingServer:
    """See the module. folder: of the authority."""

    def __init__(self, folder: Path) -> None:
        self._authority = open_authority(folder, TRUST_DOMAIN)
        security = security_of(
            self._authority, OidcIssuers((), time.monotonic), AuthorityBundles(self._authority), "istio-system", _HOST
        )
        source, board = BroadcastSource(EMPTY_SNAPSHOT), StatusBoard(time.time)
        self._server = XdsServer(source, board, security=security)

    async def do(self, order: str, details: Answer) -> Answer:
        match order:
            case "start":
                return await self._start(**details)
            case "usage":
                return usage()
        raise ValueError(f"there is no order {order!r}")

    async def _start(self, workloads: int) -> Answer:
        await self._server.start(f"{_HOST}:0")
        port = self._server.start_secure(_HOST, 0)
        identities = [SpiffeId.of_workload(TRUST_DOMAIN, "default", f"w-{number}") for number in range(workloads)]
        svids = [keyed_svid(self._authority, identity) for identity in identities]
        garbage.keep_what_is_there()
        return {
            "port": port,
            "root": certificates_pem(self._authority.bundle).decode(),
            "svids": [[svid.chain.decode(), svid.key.decode()] for svid in svids],
        }


def main() -> None:
    """Until there are no more orders. It logs each certificate, as it has to; to nowhere, as it is not the terminal
    that is measured."""
    garbage.look_less_often()
    with Path(os.devnull).open("w") as nowhere:
        log.configure("info", nowhere)
        asyncio.run(obey(IssuingServer(Path(sys.argv[1]) / "ca").do))


if __name__ == "__main__":
    main()
