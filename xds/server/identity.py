"""Who opened a stream: proven by what it shows, and not by what it says of itself.

A connection over TLS proves an identity by a client certificate or by a bearer token; one in plain text proves none.
What a node says of its namespace and service account has to be what was proven.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

import grpc  # type: ignore[import-untyped]  # grpcio ships no types

from xds.model.identity import SpiffeId
from xds.model.proxy import Proxy
from xds.server.front import Peers
from xds.server.guard import Call
from xds.server.reports import Reports

MAX_TOKEN: Final = 16_384
"""Characters of a bearer token that is looked at. Kubernetes' have about 1,000."""

_BEARER: Final = "bearer "


class IdentityError(Exception):
    """A caller does not prove who it is. The message says why, and nothing of what it showed."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a caller shows. certificate: verified by TLS, DER; empty for none. token: of ``authorization: Bearer``."""

    certificate: bytes = b""
    token: str = ""


Identify = Callable[[Proof], Awaitable[SpiffeId]]
"""Who a caller is. Raises IdentityError."""


class Callers:
    """Knows who calls. peers: what came through TLS. identify: what a proof proves."""

    def __init__(self, peers: Peers, identify: Identify, reports: Reports) -> None:
        self._peers = peers
        self._identify = identify
        self._reports = reports

    def is_secure(self, call: Call) -> bool:
        """Whether the call came over TLS."""
        return self._peers.shown(call.peer()) is not None

    def peer(self, call: Call) -> str:
        """The client's own address, as gRPC writes it, also if the call came over TLS."""
        shown = self._peers.shown(call.peer())
        return shown.peer if shown is not None else call.peer()

    async def identity(self, call: Call, method: str) -> SpiffeId:
        """Who calls. Ends the call as UNAUTHENTICATED if that is not proven."""
        shown = self._peers.shown(call.peer())
        if shown is None:
            return await self._refuse(call, call.peer(), method, "this needs TLS: use the secure address")
        try:
            return await self._identify(Proof(shown.certificate, _bearer(call)))
        except IdentityError as error:
            return await self._refuse(call, shown.peer, method, str(error))

    async def _refuse(self, call: Call, peer: str, method: str, reason: str) -> SpiffeId:
        self._reports.refused(peer, method, reason)
        await call.abort(grpc.StatusCode.UNAUTHENTICATED, reason)


def proven(proxy: Proxy, identity: SpiffeId) -> Proxy:
    """The proxy as it has proven to be. Raises IdentityError if it says that it is somebody else's."""
    if proxy.namespace != identity.namespace:
        raise IdentityError(f"{identity} is of another namespace than the node says, {proxy.namespace!r}")
    if proxy.service_account not in ("", identity.service_account):
        raise IdentityError(f"{identity} is another service account than the node says, {proxy.service_account!r}")
    return replace(proxy, service_account=identity.service_account, identity=identity)


def _bearer(call: Call) -> str:
    for name, value in call.invocation_metadata():
        if name == "authorization" and isinstance(value, str) and value.lower().startswith(_BEARER):
            return value[len(_BEARER) :].strip()[:MAX_TOKEN]
    return ""
