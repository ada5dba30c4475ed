"""What a client sends: a connection, and a request on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

PLAIN, TLS = "raw_buffer", "tls"
"""What a connection can turn out to be (Envoy ``FilterChainMatch.transport_protocol``)."""

_JOINED = frozenset(
    (
        *("accept", "accept-encoding", "authorization", "cache-control", "content-type", "expect", "grpc-timeout"),
        *("if-match", "if-none-match", "origin", "pragma", "referer", "user-agent", "via"),
        *("access-control-request-headers", "access-control-request-method"),
        *("x-forwarded-for", "x-forwarded-host", "x-forwarded-port"),
    )
)
"""Headers whose values Envoy joins by commas as it reads them; every other value stands for itself."""

_LEGACY_HOST = "host"
_AUTHORITY = ":authority"


@dataclass(frozen=True, slots=True)
class Connection:
    """A TCP connection as the proxy accepts it.

    address, port: where the client dialled; the address is empty if nothing is known of it. It may be a Unix socket,
    ``unix:///path``, and the port then means nothing. transport: PLAIN or TLS.
    server_name: SNI, in lower case. protocols: what the client says, or is seen, to speak: ALPN, or ``http/1.1``.
    source: the client's address, empty if it is not known. source_port: 0 if it is not known. principal: the URI in the
    certificate that the client shows when TLS begins; empty if it shows none, None if nobody tells.
    """

    address: str
    port: int
    transport: str = PLAIN
    server_name: str = ""
    protocols: tuple[str, ...] = ()
    source: str = ""
    source_port: int = 0
    principal: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request as it is on the wire. path: with its query. headers: in their order, names in lower case.

    scheme: ``http`` or ``https``. claims: what the token holds that the client shows, which is taken as valid; None
    without one.
    """

    method: str
    authority: str
    path: str
    scheme: str = "http"
    headers: tuple[tuple[str, str], ...] = ()
    claims: Mapping[str, object] | None = field(default=None, hash=False)

    @staticmethod
    def of(
        method: str,
        authority: str,
        path: str,
        headers: Iterable[tuple[str, str]] = (),
        scheme: str = "http",
        claims: Mapping[str, object] | None = None,
    ) -> Request:
        """A request. A header ``host`` is its authority."""
        named = tuple((name.lower(), value) for name, value in headers)
        hosts = [value for name, value in named if name in (_LEGACY_HOST, _AUTHORITY)]
        kept = tuple(item for item in named if item[0] not in (_LEGACY_HOST, _AUTHORITY))
        return Request(method, hosts[-1] if hosts else authority, path, scheme, tuple(_joined(kept)), claims)

    @property
    def path_alone(self) -> str:
        """The path without query and fragment, which is what paths are compared with."""
        return self.path.partition("#")[0].partition("?")[0]

    def values(self, name: str) -> tuple[str, ...]:
        """Every value of a header, in their order. Knows the names that begin with a colon."""
        pseudo = {
            ":method": self.method,
            ":path": self.path,
            ":scheme": self.scheme,
            _AUTHORITY: self.authority,
            _LEGACY_HOST: self.authority,
        }
        lower = name.lower()
        if lower in pseudo:
            return (pseudo[lower],)
        return tuple(value for key, value in self.headers if key == lower)

    def header(self, name: str) -> str | None:
        """The first value of a header; None without it."""
        return next(iter(self.values(name)), None)


def _joined(headers: tuple[tuple[str, str], ...]) -> Iterator[tuple[str, str]]:
    done: set[str] = set()
    for name, value in headers:
        if name not in _JOINED:
            yield name, value
        elif name not in done:
            done.add(name)
            yield name, ",".join(other for key, other in headers if key == name)
