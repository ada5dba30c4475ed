"""How an Envoy introduces itself: Istio's node id and node metadata become a `Proxy`.

Source: Istio's ``pilot/pkg/model`` node id, ``type~ip~name.namespace~dns domain``, and its ``NodeMetadata`` fields
NAMESPACE, LABELS, SERVICE_ACCOUNT, CLUSTER_ID, NETWORK, INSTANCE_IPS, INTERCEPTION_MODE, ISTIO_VERSION,
ENABLE_SELF_DISCOVERY, DNS_CAPTURE, AUTO_REGISTER_GROUP, PROXY_CONFIG (whether it has a readinessProbe) and GENERATOR,
which is ``grpc`` for a gRPC client without a proxy. SDS_FROM_AGENT is ours: see `Proxy.sds_from_agent`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping

from xds.model.labels import Labels
from xds.model.proxy import CaptureMode, Proxy, ProxyType
from xds.model.services import UNKNOWN_LOCALITY, Locality

_NAME = re.compile(r"[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?")
_FORM = "type~ip~name.namespace~namespace.svc.domain"


def parse_node(node_id: str, metadata: Mapping[str, object], locality: Locality = UNKNOWN_LOCALITY) -> Proxy:
    """The proxy that this node is. Raises ValueError, with a text for the operator, if it cannot be told."""
    parts = node_id.split("~")
    if len(parts) != 4:
        raise ValueError(f"node id {node_id!r} does not have the form {_FORM}")
    kind, address, qualified_name, dns_domain = parts
    name, _, namespace_of_id = qualified_name.rpartition(".")
    namespace = _text(metadata, "NAMESPACE") or namespace_of_id
    if not name or not namespace:
        raise ValueError(f"node id {node_id!r} has no name.namespace in its third part")
    return Proxy(
        id=node_id,
        type=_type(kind, node_id),
        name=name,
        namespace=namespace,
        ip_addresses=_addresses(address, _text(metadata, "INSTANCE_IPS"), node_id),
        dns_domain=dns_domain or f"{namespace}.svc.cluster.local",
        labels=_labels(metadata.get("LABELS")),
        service_account=_text(metadata, "SERVICE_ACCOUNT"),
        cluster_id=_text(metadata, "CLUSTER_ID"),
        network=_text(metadata, "NETWORK"),
        locality=locality,
        capture=_capture(_text(metadata, "INTERCEPTION_MODE")),
        version=_text(metadata, "ISTIO_VERSION"),
        proxyless=_text(metadata, "GENERATOR") == "grpc",
        self_discovery=_text(metadata, "ENABLE_SELF_DISCOVERY") == "true",
        dns_capture=_text(metadata, "DNS_CAPTURE").lower() == "true",
        group=_group(_text(metadata, "AUTO_REGISTER_GROUP")),
        probed=_is_probed(metadata.get("PROXY_CONFIG")),
        sds_from_agent=_text(metadata, "SDS_FROM_AGENT").lower() == "true",
        metadata=Labels({key: text for key, text in metadata.items() if isinstance(text, str)}),
    )


def _type(kind: str, node_id: str) -> ProxyType:
    try:
        return ProxyType(kind)
    except ValueError:
        known = " or ".join(member.value for member in ProxyType)
        raise ValueError(f"node id {node_id!r} begins with {kind!r}; expected {known}") from None


def _addresses(primary: str, instance_ips: str, node_id: str) -> tuple[str, ...]:
    """The id's address first, then those of INSTANCE_IPS."""
    addresses = dict.fromkeys(address.strip() for address in (primary, *instance_ips.split(",")) if address.strip())
    if not addresses:
        raise ValueError(f"node id {node_id!r} has no IP address in its second part")
    for address in addresses:
        try:
            ipaddress.ip_address(address)
        except ValueError:
            raise ValueError(f"node {node_id!r}: {address!r} is not an IP address") from None
    return tuple(addresses)


def _labels(value: object) -> Labels:
    if value is None:
        return Labels()
    if not isinstance(value, Mapping) or not all(isinstance(text, str) for text in value.values()):
        raise ValueError("node metadata LABELS must map names to strings")
    return Labels({str(key): str(text) for key, text in value.items()})


def _capture(mode: str) -> CaptureMode:
    """TPROXY captures the same traffic on the same ports as REDIRECT."""
    modes = {"": CaptureMode.REDIRECT, "REDIRECT": CaptureMode.REDIRECT, "TPROXY": CaptureMode.REDIRECT}
    if mode == "NONE":
        return CaptureMode.NONE
    if mode not in modes:
        raise ValueError(f"node metadata INTERCEPTION_MODE is {mode!r}; expected REDIRECT, TPROXY or NONE")
    return modes[mode]


def _group(name: str) -> str:
    if name and not _NAME.fullmatch(name):
        raise ValueError(f"node metadata AUTO_REGISTER_GROUP is {name[:60]!r}, which is not the name of an object")
    return name


def _is_probed(proxy_config: object) -> bool:
    return isinstance(proxy_config, Mapping) and proxy_config.get("readinessProbe") is not None


def _text(metadata: Mapping[str, object], key: str) -> str:
    value = metadata.get(key, "")
    if not isinstance(value, str):
        raise ValueError(f"node metadata {key} must be a string")
    return value
