"""Gateway: the ports of a gateway proxy and the hosts exposed there (Istio ``Gateway``)."""

from __future__ import annotations

from functools import partial
from typing import Final

from xds.config.document import RawObject
from xds.config.kinds.honoured import with_prefixes
from xds.config.kinds.kind import ISTIO_NETWORKING, ISTIO_NETWORKING_VERSIONS, Context, Kind
from xds.config.kinds.ports import is_unix_socket, parse_bind, parse_listener_port
from xds.config.kinds.result import result
from xds.config.reader import Reader
from xds.config.scalars import parse_namespaced_host
from xds.model.diagnostic import Diagnostic
from xds.model.gateways import Gateway, HostSelector, Server
from xds.model.services import Protocol

HONOURED = with_prefixes(
    {"spec": "selector", "spec.servers": "hosts bind name port.number port.protocol port.name"},
)

_HONOURED_PROTOCOLS: Final = frozenset({Protocol.HTTP, Protocol.HTTP2, Protocol.GRPC, Protocol.GRPC_WEB})


def parse(raw: RawObject, context: Context) -> tuple[Gateway | None, tuple[Diagnostic, ...]]:
    """The Gateway of a document; see :class:`~xds.config.kinds.kind.Kind`."""
    root = Reader(raw)
    spec = root.section("spec")
    servers = tuple(_server(reader, raw.namespace) for reader in spec.items("servers"))
    if not servers:
        spec.error("servers", "at least one server is required", "missing-field")
    _check_port_names(spec, servers)
    gateway = Gateway(
        meta=raw.meta,
        selector=spec.labels("selector"),
        servers=tuple(server for server in servers if server.port.protocol in _HONOURED_PROTOCOLS),
    )
    return result(root, gateway)


def _server(reader: Reader, namespace: str) -> Server:
    bind = reader.parsed("bind", parse_bind, "")
    port = parse_listener_port(reader.section("port"), is_unix=is_unix_socket(bind))
    if port.protocol not in _HONOURED_PROTOCOLS and port.protocol is not Protocol.UNSUPPORTED:
        reason = f"{port.protocol.value} is not honoured on gateways yet: this server is left out"
        reader.warning(("port", "protocol"), reason, "not-honoured")
    if not reader.strings("hosts"):
        reader.error("hosts", "must name at least one host", "missing-field")
    return Server(
        port=port,
        hosts=reader.parsed_strings("hosts", partial(_host, namespace)),
        origin=reader.origin,
        bind=bind,
        name=reader.text("name"),
    )


def _host(own_namespace: str, text: str) -> HostSelector:
    namespace, host = parse_namespaced_host(text)
    if namespace == "~":
        raise ValueError(f"{text!r}: '~' is not allowed on gateways")
    return HostSelector(own_namespace if namespace == "." else namespace, host)


def _check_port_names(spec: Reader, servers: tuple[Server, ...]) -> None:
    seen: set[str] = set()
    for index, server in enumerate(servers):
        if server.port.name in seen:
            path = ("servers", index, "port", "name")
            spec.error(path, f"{server.port.name} is already the name of another port", "duplicate")
        seen.add(server.port.name)


KIND = Kind(
    name="Gateway",
    group=ISTIO_NETWORKING,
    versions=ISTIO_NETWORKING_VERSIONS,
    honoured=HONOURED,
    parse=parse,
)
