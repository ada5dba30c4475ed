"""The providers, and the policies and services of the mesh that tests share, as plain values."""

from __future__ import annotations

from typing import TypeAlias

Document: TypeAlias = dict[str, object]

HTTP, TCP, GATEWAY = 9080, 9082, 8080
"""Ports: two of the workload, and the gateway's."""

_GRPC = {"service": "authz/authz-grpc.authz.svc.cluster.local", "port": 9000}
_HTTP = {"service": "authz.example.com", "port": 8000}
_DOWN: Document = {"service": "down.example.com", "port": 8000}
_DOWN_GRPC: Document = {"service": "down.example.com", "port": 9000}
_SHORT = {"timeout": "0.2s", "statusOnError": "503"}
_BYTES = 8

PROVIDERS: dict[str, Document] = {
    "grpc": {
        "envoyExtAuthzGrpc": {
            **_GRPC,
            "includeRequestBodyInCheck": {"maxRequestBytes": _BYTES, "allowPartialMessage": True},
        }
    },
    "grpc-short": {
        "envoyExtAuthzGrpc": {
            **_GRPC,
            **_SHORT,
            "clearRouteCache": True,
            "includeRequestBodyInCheck": {"maxRequestBytes": _BYTES, "packAsBytes": True},
        }
    },
    "http": {
        "envoyExtAuthzHttp": {
            **_HTTP,
            "pathPrefix": "/check",
            "clearRouteCache": True,
            "includeRequestHeadersInCheck": ["X-Shown", "x-also-*"],
            "includeAdditionalHeadersInCheck": {"x-mesh": "pilothouse"},
            "headersToUpstreamOnAllow": ["x-user*"],
            "headersToDownstreamOnAllow": ["*-group"],
            "headersToDownstreamOnDeny": ["x-reason"],
            "includeRequestBodyInCheck": {"maxRequestBytes": _BYTES, "allowPartialMessage": True},
        }
    },
    "http-short": {
        "envoyExtAuthzHttp": {
            **_HTTP,
            **_SHORT,
            "includeHeadersInCheck": ["x-shown"],
            "includeRequestBodyInCheck": {"maxRequestBytes": _BYTES},
        }
    },
    "http-open": {"envoyExtAuthzHttp": {**_DOWN, "failOpen": True}},
    "http-closed": {"envoyExtAuthzHttp": _DOWN},
    "grpc-open": {"envoyExtAuthzGrpc": {**_DOWN_GRPC, "failOpen": True}},
    "grpc-closed": {"envoyExtAuthzGrpc": _DOWN_GRPC},
    "lost": {"envoyExtAuthzHttp": {"service": "gone.example.com", "port": 80, "failOpen": True}},
}
"""By name. Nothing listens where those are that fail; of the last not even the service is there."""


def mesh_config() -> Document:
    """The settings with all providers."""
    return {"extensionProviders": [{"name": name, **provider} for name, provider in PROVIDERS.items()]}


def mesh_documents(server: str, gateway: str, workload: int, grpc: str, http: str, nobody: str) -> list[Document]:
    """The workload, with a Sidecar that lets it see nothing, the gateway, and the policies for both."""
    ingress = [
        {"port": {"number": HTTP, "name": "http", "protocol": "HTTP"}, "defaultEndpoint": f"127.0.0.1:{workload}"},
        {"port": {"number": TCP, "name": "tcp", "protocol": "TCP"}, "defaultEndpoint": f"127.0.0.1:{workload}"},
    ]
    ports = [{"name": "http", "port": HTTP}, {"name": "tcp", "port": TCP}]
    return [
        _object("v1", "Service", "server", {"selector": {"app": "server"}, "ports": ports}),
        _networking("WorkloadEntry", "server", {"address": server, "labels": {"app": "server"}}),
        _networking(
            "Sidecar",
            "server",
            {
                "workloadSelector": {"labels": {"app": "server"}},
                "ingress": ingress,
                "egress": [{"hosts": ["~/*"]}],
            },
        ),
        *_gateway(gateway),
        *_services(grpc, http, nobody),
        *_policies(),
    ]


def _gateway(address: str) -> list[Document]:
    """Whether the check has changed the request decides on the route."""
    server = {"port": {"number": GATEWAY, "name": "http", "protocol": "HTTP"}, "bind": address, "hosts": ["*"]}
    to_server = [{"destination": {"host": "server", "port": {"number": HTTP}}}]
    routes = [
        {
            "match": [{"headers": {"x-user": {"exact": "ann"}}}],
            "route": to_server,
            "headers": {"response": {"set": {"x-route": "of-users"}}},
        },
        {"route": to_server, "headers": {"response": {"set": {"x-route": "of-all"}}}},
    ]
    return [
        _networking("Gateway", "gateway", {"selector": {"istio": "ingressgateway"}, "servers": [server]}),
        _networking("VirtualService", "server", {"hosts": ["*"], "gateways": ["gateway"], "http": routes}),
    ]


def _services(grpc: str, http: str, nobody: str) -> list[Document]:
    """One is a service of Kubernetes, in a namespace to which alone it is exported; the others are ServiceEntries."""
    service = _object(
        "v1", "Service", "authz-grpc", {"ports": [{"name": "grpc", "port": 9000}], "selector": {"a": "b"}}
    )
    service["metadata"] = {
        "name": "authz-grpc",
        "namespace": "authz",
        "annotations": {"networking.istio.io/exportTo": "."},
    }
    entry = _networking("WorkloadEntry", "authz-grpc", {"address": grpc, "labels": {"a": "b"}})
    entry["metadata"] = {"name": "authz-grpc", "namespace": "authz"}
    return [service, entry, _service_entry("authz", http), _service_entry("down", nobody)]


def _service_entry(name: str, address: str) -> Document:
    ports = [
        {"number": 8000, "name": "http", "protocol": "HTTP"},
        {"number": 9000, "name": "grpc", "protocol": "GRPC"},
    ]
    spec = {
        "hosts": [f"{name}.example.com"],
        "ports": ports,
        "resolution": "STATIC",
        "endpoints": [{"address": address}],
    }
    return _networking("ServiceEntry", name, spec)


def _policies() -> list[Document]:
    to_server, to_gateway = {"app": "server"}, {"istio": "ingressgateway"}
    names = [*PROVIDERS, "nobody"]
    operations = {"ports": [str(HTTP)], "notPaths": ["/grpc/ok/but-not-allowed"]}, {"ports": [str(TCP)]}
    allowed = [{"to": [{"operation": operation}]} for operation in operations]
    allow = {"selector": {"matchLabels": to_server}, "action": "ALLOW", "rules": allowed}
    return [
        *(_custom(f"server-{name}", to_server, name, ports=[str(HTTP)], paths=[f"/{name}/*"]) for name in names),
        _custom("connections", to_server, "grpc", ports=[str(TCP)]),
        *(_custom(f"gateway-{name}", to_gateway, name, paths=[f"/gateway/{name}/*"]) for name in names),
        _object("security.istio.io/v1", "AuthorizationPolicy", "allow", allow),
    ]


def _custom(name: str, labels: dict[str, str], provider: str, **operation: object) -> Document:
    spec = {
        "selector": {"matchLabels": labels},
        "action": "CUSTOM",
        "provider": {"name": provider},
        "rules": [{"to": [{"operation": operation}]}],
    }
    return _object("security.istio.io/v1", "AuthorizationPolicy", name, spec)


def _networking(kind: str, name: str, spec: object) -> Document:
    return _object("networking.istio.io/v1", kind, name, spec)


def _object(version: str, kind: str, name: str, spec: object) -> Document:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "default"}, "spec": spec}
