"""A client that is whoever a request says that it comes from."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from e2e.authorization_matrix.described import Asked
from e2e.authorization_matrix.redirected import ARRIVAL, proxy_header
from e2e.authorization_matrix.tokens import Issuer
from e2e.external_authorization.authorizer import Authorizer
from xds.ca.keyed import keyed_svid
from xds.ca.service import CertificateAuthority
from xds.model.identity import SpiffeId

_ANSWER_SECONDS = 30.0
_BYTES = b"hello\n"
_OF_REQUESTS, _OF_CONNECTIONS = "istio-http/1.1", "istio"
"""What proxies of the mesh say that they speak (ALPN)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it. status: of the answer; 0 if the connection was closed without one. connection: where its ends
    are, ``ADDRESS:PORT`` of the client and of the workload; no other has the same."""

    status: int
    connection: str

    @property
    def allowed(self) -> bool:
        """Whether the workload has answered."""
        return self.status == 200


@dataclass
class Client:
    """authority: of the mesh. authorizer: who is told what it is to refuse. issuer: of tokens. folder: for
    certificates, for the moment that it takes to load them."""

    authority: CertificateAuthority
    folder: Path
    authorizer: Authorizer
    issuer: Issuer
    contexts: dict[tuple[str, bool], ssl.SSLContext] = field(default_factory=dict)
    connections: set[str] = field(default_factory=set)

    async def ask(self, address: str, asked: Asked) -> Outcome:
        """Sends it on a connection of its own; again, should the kernel have given it the port of an earlier one."""
        outcome = await self._ask(address, asked)
        if outcome.connection in self.connections:
            return await self.ask(address, asked)
        self.connections.add(outcome.connection)
        return outcome

    async def _ask(self, address: str, asked: Asked) -> Outcome:
        context = self._context(asked.principal, asked.is_request) if asked.principal else None
        server_name = asked.server_name if context is not None else None
        async with asyncio.timeout(_ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(address, ARRIVAL, local_addr=(asked.source, 0))
            host, port = writer.get_extra_info("sockname")
            mark = self.authorizer.barred.add if asked.refused_by_provider else self.authorizer.barred.discard
            mark(f"{host}:{port}")
            try:
                writer.write(proxy_header(host, port, address, asked.port))
                if context is not None:
                    await writer.start_tls(context, server_hostname=server_name)
                writer.write(self._head(asked) if asked.is_request else _BYTES)
                answer = await reader.read(64)
            except ConnectionError:
                answer = b""
            finally:
                writer.close()
        return Outcome(int(answer.split(b" ")[1]) if answer else 0, f"{host}:{port} {address}:{asked.port}")

    def _head(self, asked: Asked) -> bytes:
        headers = {"host": asked.host, "content-length": "0", **asked.headers}
        if asked.claims is not None:
            headers["authorization"] = f"Bearer {self.issuer.token(asked.claims)}"
        lines = (f"{asked.method} {asked.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()))
        return "\r\n".join((*lines, "", "")).encode()

    def _context(self, principal: str, is_request: bool) -> ssl.SSLContext:
        """With a certificate for this identity."""
        known = self.contexts.get((principal, is_request))
        if known is not None:
            return known
        svid = keyed_svid(self.authority, SpiffeId.parse(f"spiffe://{principal}"))
        file = self.folder / "client.pem"
        file.touch(mode=0o600)
        file.write_bytes(svid.key + svid.chain)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it is the other end that is tested
        context.set_alpn_protocols([_OF_REQUESTS if is_request else _OF_CONNECTIONS])
        context.load_cert_chain(file)
        file.unlink()
        self.contexts[principal, is_request] = context
        return context
