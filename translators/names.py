"""The names that Istio gives to Envoy resources. Tools parse them, and routes find clusters by them.

Pure functions to strings; the formats are those that ``istioctl proxy-config`` shows.
"""

from __future__ import annotations

import re
from functools import lru_cache

from xds.model.objects import ObjectMeta

PASSTHROUGH_CLUSTER = "PassthroughCluster"
"""Sends to the address that the application dialled, for hosts that the mesh does not know (ALLOW_ANY)."""

DYNAMIC_DNS_CLUSTER = "AllowAnyDynamicDNSCluster"
"""Sends requests where DNS says that their host is, for hosts that the mesh does not know (ALLOW_ANY_DYNAMIC_DNS)."""

BLACK_HOLE_CLUSTER = "BlackHoleCluster"
"""Has no endpoints (REGISTRY_ONLY)."""

INBOUND_PASSTHROUGH_CLUSTER = "InboundPassthroughCluster"
"""Hands traffic on ports that no service declares to the workload itself."""

VIRTUAL_OUTBOUND = "virtualOutbound"
VIRTUAL_INBOUND = "virtualInbound"

PASSTHROUGH_CHAIN = "PassthroughFilterChain"
"""The filter chain of an outbound listener for what none of its services is meant by."""

HTTP_PROXY = "http_proxy"
"""The RouteConfiguration of a sidecar's explicit HTTP proxy (MeshConfig ``proxyHttpPort``)."""

ALLOW_ANY_VIRTUAL_HOST = "allow_any"
BLOCK_ALL_VIRTUAL_HOST = "block_all"


def outbound_cluster(port: int, hostname: str, subset: str = "") -> str:
    """``outbound|80|v1|host``: the cluster of a service port, or of a subset of its endpoints."""
    return f"outbound|{port}|{subset}|{hostname}"


def inbound_cluster(port: int) -> str:
    """``inbound|8080||``: the workload's own port. Also the name of the inbound RouteConfiguration."""
    return f"inbound|{port}||"


def outbound_sni(port: int, hostname: str, subset: str = "") -> str:
    """``outbound_.80_.v1_.host``: what a sidecar says in the TLS handshake with another sidecar."""
    return f"outbound_.{port}_.{subset}_.{hostname}"


def inbound_virtual_host(port: int) -> str:
    """``inbound|http|8080``: EnvoyFilters patch the virtual host of a workload's port by this name."""
    return f"inbound|http|{port}"


def outbound_listener(port: int, bind: str = "0.0.0.0") -> str:  # noqa: S104 - a name, and Istio's default for it
    """``0.0.0.0_80``: the listener of a port, or of one service's address. An IPv6 address stands without brackets."""
    return f"{bind}_{port}"


def outbound_route(port: int, hostname: str = "") -> str:
    """``80``: the RouteConfiguration of a port; ``host:80`` for a sniffed listener on a service's own address."""
    return f"{hostname}:{port}" if hostname else str(port)


def virtual_host(hostname: str, port: int) -> str:
    """``host:80``: the virtual host of a service port."""
    return f"{hostname}:{port}"


def secret(credential: str, *, authority: bool = False) -> str:
    """``kubernetes://credential``: a certificate with its key; or the ``authority`` that others' are checked against.

    Names that have a scheme of their own stay as they are.
    """
    name = credential if "://" in credential else f"kubernetes://{credential}"
    return f"{name}-cacert" if authority else name


def gateway_http_route(port: int) -> str:
    """``http.80``: what all plain-text servers of a gateway's port share."""
    return f"http.{port}"


def gateway_https_route(port: int, port_name: str, gateway: str, namespace: str) -> str:
    """``https.443.<portName>.<gateway>.<namespace>``: a server that terminates TLS has its own."""
    return f"https.{port}.{port_name}.{gateway}.{namespace}"


def blackhole_virtual_host(port: int) -> str:
    """``blackhole:80``: answers 404 on a gateway port that has no other virtual host."""
    return f"blackhole:{port}"


def extension_config(meta: ObjectMeta) -> str:
    """``extensions.istio.io/wasmplugin/namespace.name``: the filter of an extension, and what it asks for."""
    return f"{meta.api_group}/{meta.key.kind.lower()}/{meta.namespace}.{meta.name}"


def config_reference(meta: ObjectMeta) -> str:
    """``/apis/<group>/<version>/namespaces/<ns>/<kebab-kind>/<name>``: the value of the ``istio.config`` metadata."""
    kind = _kebab_case(meta.key.kind)
    return f"/apis/{meta.api_group}/{meta.api_version}/namespaces/{meta.namespace}/{kind}/{meta.name}"


@lru_cache(maxsize=256)
def _kebab_case(camel: str) -> str:
    """``DestinationRule`` -> ``destination-rule``, ``HTTPRoute`` -> ``http-route``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", camel).lower()


def authorization_rule(policy: ObjectMeta, rule: int) -> str:
    """``ns[default]-policy[viewers]-rule[0]``: a rule of an AuthorizationPolicy, as Envoy names what has decided."""
    return f"ns[{policy.namespace}]-policy[{policy.name}]-rule[{rule}]"
