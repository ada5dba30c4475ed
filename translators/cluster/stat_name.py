"""The names that clusters have in statistics (Istio ``MeshConfig.outboundClusterStatName`` and its inbound sibling)."""

from __future__ import annotations

from xds.model.services import Service, ServicePort


def stat_name(pattern: str, service: Service, port: ServicePort, *, subset: str = "", target_port: int = 0) -> str:
    """``pattern`` with its variables filled in; what is no variable stays as it is."""
    values = {
        "%SERVICE%": _short_host(service),
        "%SERVICE_NAME%": service.name,
        "%SERVICE_FQDN%": service.hostname,
        "%SERVICE_PORT%": str(port.number),
        "%SERVICE_PORT_NAME%": port.name,
        "%SUBSET_NAME%": subset,
        "%TARGET_PORT%": str(target_port),
    }
    for variable, value in values.items():
        pattern = pattern.replace(variable, value)
    return pattern


def _short_host(service: Service) -> str:
    """``reviews.default`` for a Kubernetes service; hosts of other registries have no short form."""
    meta = service.meta
    return f"{meta.name}.{meta.namespace}" if meta.key.kind == "Service" else service.hostname
