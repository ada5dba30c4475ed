"""Which protocol a port speaks, from what its declaration says (Istio "protocol selection")."""

from __future__ import annotations

from xds.model.services import Protocol

_BY_NAME = {protocol.value.lower(): protocol for protocol in Protocol if protocol is not Protocol.UNSUPPORTED}
_KUBERNETES_APP_PROTOCOLS = {
    "kubernetes.io/h2c": Protocol.HTTP2,
    "kubernetes.io/ws": Protocol.HTTP,
    "kubernetes.io/wss": Protocol.HTTPS,
}
# SMTP, DNS, MySQL and MongoDB: the server speaks first, so that a proxy which waits for bytes would wait for ever.
_NEVER_SNIFFED_PORTS = frozenset({25, 53, 3306, 27017})
_GRPC_WEB = "grpc-web"


def protocol_of(name: str) -> Protocol:
    """The protocol that Istio calls ``name``, in any case: ``HTTP``, ``grpc-web``; UNSUPPORTED if there is none."""
    return _BY_NAME.get(name.lower(), Protocol.UNSUPPORTED)


def protocol_from_port(
    app_protocol: str | None, port_name: str, *, number: int = 0, transport: str = "TCP"
) -> Protocol:
    """The protocol of a Kubernetes service port.

    ``appProtocol`` decides if it is not None, else ``port_name`` up to its first dash. transport is Kubernetes'
    ``protocol``. Where nothing is declared, a number whose well-known protocol is server-first gives TCP; any other
    such port is UNSUPPORTED, which means that it is sniffed.
    """
    if transport == "UDP":
        return Protocol.UDP
    if app_protocol in _KUBERNETES_APP_PROTOCOLS:
        return _KUBERNETES_APP_PROTOCOLS[app_protocol]
    declared = _from_prefix(port_name if app_protocol is None else app_protocol)
    if declared is Protocol.UNSUPPORTED and number in _NEVER_SNIFFED_PORTS:
        return Protocol.TCP
    return declared


def _from_prefix(name: str) -> Protocol:
    if name.lower().startswith(_GRPC_WEB):
        return Protocol.GRPC_WEB
    return protocol_of(name.partition("-")[0])
