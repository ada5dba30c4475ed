"""Gateway: the ports of a gateway proxy and the hosts exposed there (Istio ``Gateway``)."""

from __future__ import annotations

from functools import partial
from typing import Final

from xds.config.document import RawObject
from xds.config.kinds.honoured import with_prefixes
from xds.config.kinds.kind import ISTIO_NETWORKING, ISTIO_NETWORKING_VERSIONS, Context, Kind
from xds.config.kinds.ports import is_unix_socket, parse_bind, parse_listener_port
from xds.config.kinds.result import result
from xds.config.kinds.server_tls import HONOURED_SERVER_TLS, given, parse_server_tls
from xds.config.reader import Reader
from xds.config.scalars import parse_namespaced_host
from xds.model.diagnostic import Diagnostic
from xds.model.gateways import Gateway, HostSelector, Port, Server
from xds.model.server_tls import ServerTLSSettings
from xds.model.services import Protocol

HONOURED = with_prefixes(
    {
        "spec": "selector",
        "spec.servers": "hosts bind name port.number port.protocol port.name",
        "spec.servers.tls": HONOURED_SERVER_TLS,
    }
)

_PLAIN_HTTP: Final = frozenset({Protocol.HTTP, Protocol.HTTP2, Protocol.GRPC, Protocol.GRPC_WEB})
_FILES: Final = ("serverCertificate", "privateKey", "caCertificates")


def parse(raw: RawObject, context: Context) -> tuple[Gateway | None, tuple[Diagnostic, ...]]:
    """The Gateway of a document; see :class:`~xds.config.kinds.kind.Kind`."""
    root = Reader(raw)
    spec = root.section("spec")
    servers = tuple(_server(reader, raw.namespace, index) for index, reader in enumerate(spec.items("servers")))
    if not servers:
        spec.error("servers", "at least one server is required", "missing-field")
    _check_names(spec, servers)
    return result(root, Gateway(meta=raw.meta, selector=spec.labels("selector"), servers=servers))


def _server(reader: Reader, namespace: str, index: int) -> Server:
    bind = reader.parsed("bind", parse_bind, "")
    port = _port(reader.section("port"), is_unix=is_unix_socket(bind))
    if not reader.strings("hosts"):
        reader.error("hosts", "must name at least one host", "missing-field")
    return Server(
        port=port,
        hosts=reader.parsed_strings("hosts", partial(_host, namespace)),
        origin=reader.origin,
        bind=bind,
        name=reader.text("name"),
        tls=_tls(reader, port.protocol),
        index=index,
    )


def _port(reader: Reader, *, is_unix: bool) -> Port:
    if reader.integer("targetPort"):
        reader.error("targetPort", "has no meaning on gateways: their Service has it", "invalid-value")
    port = parse_listener_port(reader, is_unix=is_unix)
    if port.protocol is Protocol.UDP:
        reader.error("protocol", "UDP is not for gateways", "not-supported")
    return port


def _tls(server: Reader, protocol: Protocol) -> ServerTLSSettings | None:
    tls = server.child("tls")
    if protocol.is_tls and tls is None:
        server.error("tls", f"is required for {protocol.value}", "missing-field")
    if tls is None:
        return None
    if not protocol.is_tls:
        _check_plain(server, tls, protocol)
    return parse_server_tls(tls)


def _check_plain(server: Reader, tls: Reader, protocol: Protocol) -> None:
    """A port without TLS can send to another one that has it, and nothing else."""
    if protocol not in _PLAIN_HTTP:
        server.error("tls", f"is not for {protocol.value}: the protocol has to be TLS or HTTPS", "conflicting-fields")
        return
    if tls.text("mode", "PASSTHROUGH") != "PASSTHROUGH":
        tls.error("mode", f"is not for {protocol.value}: the protocol has to be HTTPS", "conflicting-fields")
    for name in given(tls, _FILES):
        tls.error(name, f"is not for {protocol.value}: the protocol has to be HTTPS", "conflicting-fields")


def _host(own_namespace: str, text: str) -> HostSelector:
    namespace, host = parse_namespaced_host(text)
    if namespace == "~":
        raise ValueError(f"{text!r}: '~' is not allowed on gateways")
    return HostSelector(own_namespace if namespace == "." else namespace, host)


def _check_names(spec: Reader, servers: tuple[Server, ...]) -> None:
    """Routes are found by the names of ports, statistics by those of servers."""
    ports: set[str] = set()
    names: set[str] = set()
    for index, server in enumerate(servers):
        if server.port.name in ports:
            path = ("servers", index, "port", "name")
            spec.error(path, f"{server.port.name} is already the name of another port", "duplicate")
        if server.name and server.name in names:
            spec.warning(("servers", index, "name"), f"{server.name} is already the name of another", "duplicate")
        ports.add(server.port.name)
        names.add(server.name)


KIND = Kind(
    name="Gateway",
    group=ISTIO_NETWORKING,
    versions=ISTIO_NETWORKING_VERSIONS,
    honoured=HONOURED,
    parse=parse,
)
