"""Istio's recipe for an egress gateway that originates TLS, for a host outside of the mesh."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

HOST = "secure.example.com"
"""What the certificate of the server outside names."""

HTTP_PORT, TLS_PORT = 80, 443
"""On which clients call the host."""

GATEWAY_PORT = 8080
GATEWAY_TLS_PORT = 8443
CLIENT_TLS_PORT = 9444
"""Of the host, for clients that speak TLS themselves."""

LABELS = {"istio": "egressgateway"}

Document = Mapping[str, object]


def recipe(gateway: str, outside: str, tls: Mapping[str, str]) -> Iterator[Document]:
    """All of it but the gateway's workload, for clients that speak plain HTTP. gateway, outside: addresses of the
    gateway's proxy and of the server. tls: how TLS is originated."""
    yield _document("ServiceEntry", "outside", _outside(outside))
    yield from _service()
    yield _document("Gateway", "egress", _gateway(gateway))
    yield _document("VirtualService", "through-the-gateway", _route())
    yield _document("DestinationRule", "outside", _origination(tls))


def recipe_for_tls(gateway: str, outside: str) -> Iterator[Document]:
    """The same for clients that speak TLS themselves: who they mean is known by the server name that they ask for."""
    yield _document("ServiceEntry", "outside", _outside(outside))
    yield from _service()
    server = {
        "port": {"number": GATEWAY_TLS_PORT, "name": "tls", "protocol": "TLS"},
        "bind": gateway,
        "hosts": [HOST],
        "tls": {"mode": "PASSTHROUGH"},
    }
    yield _document("Gateway", "egress", {"selector": LABELS, "servers": [server]})
    yield _document("VirtualService", "through-the-gateway", _route_by_name())


def workload(gateway: str) -> Document:
    """What makes the service of the gateway lead to it."""
    return _document("WorkloadEntry", "egress", {"address": gateway, "labels": {"app": "egress"}})


def client_scope(policy: str, *, bind: str = "") -> Document:
    """A Sidecar that knows the host outside, and no more. bind: where TLS connections are taken, if anywhere."""
    catch_all = {"hosts": [f"./{HOST}"]}
    tls = {"port": {"number": CLIENT_TLS_PORT, "protocol": "TLS"}, "bind": bind, "hosts": [f"./{HOST}"]}
    egress = [tls, catch_all] if bind else [catch_all]
    selector = {"labels": {"app": "client"}}
    spec = {"workloadSelector": selector, "egress": egress, "outboundTrafficPolicy": {"mode": policy}}
    return _document("Sidecar", "client", spec)


def _document(kind: str, name: str, spec: object) -> Document:
    return {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def _outside(address: str) -> object:
    ports = [
        {"number": HTTP_PORT, "name": "http", "protocol": "HTTP", "targetPort": 9080},
        {"number": TLS_PORT, "name": "tls", "protocol": "TLS", "targetPort": 9443},
        {"number": CLIENT_TLS_PORT, "name": "tls-of-clients", "protocol": "TLS", "targetPort": 9443},
    ]
    endpoints = [{"address": address}]
    return {"hosts": [HOST], "location": "MESH_EXTERNAL", "resolution": "DNS", "ports": ports, "endpoints": endpoints}


def _service() -> Iterator[Document]:
    ports = [{"name": "http", "port": GATEWAY_PORT}, {"name": "tls", "port": GATEWAY_TLS_PORT}]
    yield {**_document("Service", "egress", {"selector": {"app": "egress"}, "ports": ports}), "apiVersion": "v1"}


def _gateway(bind: str) -> object:
    http = {"port": {"number": GATEWAY_PORT, "name": "http", "protocol": "HTTP"}, "bind": bind, "hosts": [HOST]}
    return {"selector": LABELS, "servers": [http]}


def _route() -> object:
    to_gateway = {"destination": {"host": "egress", "port": {"number": GATEWAY_PORT}}}
    to_host = {"destination": {"host": HOST, "port": {"number": TLS_PORT}}}
    http = [
        {"match": [{"gateways": ["mesh"], "port": HTTP_PORT}], "route": [to_gateway]},
        {"match": [{"gateways": ["egress"], "port": GATEWAY_PORT}], "route": [to_host]},
    ]
    return {"hosts": [HOST], "gateways": ["egress", "mesh"], "http": http}


def _route_by_name() -> object:
    to_gateway = {"destination": {"host": "egress", "port": {"number": GATEWAY_TLS_PORT}}}
    to_host = {"destination": {"host": HOST, "port": {"number": CLIENT_TLS_PORT}}}
    at_client = {"gateways": ["mesh"], "port": CLIENT_TLS_PORT, "sniHosts": [HOST]}
    at_gateway = {"gateways": ["egress"], "port": GATEWAY_TLS_PORT, "sniHosts": [HOST]}
    tls = [{"match": [at_client], "route": [to_gateway]}, {"match": [at_gateway], "route": [to_host]}]
    return {"hosts": [HOST], "gateways": ["egress", "mesh"], "tls": tls}


def _origination(tls: Mapping[str, str]) -> object:
    settings = [{"port": {"number": TLS_PORT}, "tls": {"sni": HOST, **tls}}]
    return {"host": HOST, "trafficPolicy": {"portLevelSettings": settings}}
