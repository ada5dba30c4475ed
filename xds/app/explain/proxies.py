"""Which proxy a user means by a name: what the configuration knows of it, and what the command line says otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

from xds.app.errors import StartError
from xds.app.proxy_spec import ProxySpec
from xds.config.scalars import is_ip
from xds.model.gateways import Gateway
from xds.model.mesh import Mesh
from xds.model.proxy import CaptureMode, ProxyType
from xds.model.services import Workload

_SHOWN = 10
ANY_ADDRESS: Final = "127.0.0.1"
"""Of a gateway that the configuration has no workload for: what it sends comes from nobody knows where."""


@dataclass(frozen=True, slots=True)
class Named:
    """A proxy as the command line names it. labels: None for those that the configuration gives it. ip: empty for the
    one that it gives it; several have commas between, the primary one first. type ROUTER: a gateway proxy. mtls:
    proxies have proven who they are. asked: it is the one that is asked, by somebody without a proxy, and not the one
    that asks."""

    name: str
    namespace: str
    type: ProxyType = ProxyType.SIDECAR
    capture: CaptureMode = CaptureMode.REDIRECT
    labels: Mapping[str, str] | None = field(default=None)
    ip: str = ""
    mtls: bool = False
    asked: bool = False

    def __str__(self) -> str:
        return f"{self.name}.{self.namespace}"


def proxy_spec(named: Named, mesh: Mesh) -> ProxySpec:
    """The proxy with all that is known of it. Raises StartError, with the names that there are, if nothing is."""
    given = named.ip.split(",") if named.ip else []
    for wrong in (each for each in given if not is_ip(each)):
        raise StartError(f"--ip {wrong} is no IP address")
    workload = _workload(named, mesh.workloads.values())
    labels = named.labels
    if labels is None:
        labels = workload.labels if workload is not None else _selector(named, mesh.gateways)
    if labels is None:
        raise StartError(_unknown(named, mesh))
    ip, *others = given or [workload.address if workload is not None else ""]
    if not ip and named.type is ProxyType.SIDECAR:
        raise StartError(f"{_unknown(named, mesh)}; to explain it all the same, give its --ip as well")
    return ProxySpec(
        name=named.name,
        namespace=named.namespace,
        ip=ip or ANY_ADDRESS,
        more_ips=tuple(others),
        type=named.type,
        capture=named.capture,
        service_account=workload.service_account if workload is not None else "",
        labels=labels,
        domain_suffix=mesh.settings.domain_suffix,
        locality="/".join(filter(None, workload.locality)) if workload is not None else "",
        mtls=named.mtls,
    )


def _workload(named: Named, workloads: Iterable[Workload]) -> Workload | None:
    return next((each for each in _runnable(workloads) if str(named) == _name(each)), None)


def _runnable(workloads: Iterable[Workload]) -> list[Workload]:
    """Those that can have a proxy: with an IP address."""
    return [workload for workload in workloads if is_ip(workload.address)]


def _name(of: Workload | Gateway) -> str:
    return f"{of.meta.name}.{of.meta.namespace}"


def _selector(named: Named, gateways: Iterable[Gateway]) -> Mapping[str, str] | None:
    """A Gateway object stands for the proxies that it selects."""
    if named.type is ProxyType.SIDECAR:
        return None
    return next((gateway.selector for gateway in gateways if str(named) == _name(gateway)), None)


def _unknown(named: Named, mesh: Mesh) -> str:
    names = [_name(workload) for workload in _runnable(mesh.workloads.values())]
    kinds = "Pod or WorkloadEntry with an IP address"
    if named.type is ProxyType.ROUTER:
        names += [_name(gateway) for gateway in mesh.gateways]
        kinds = "Pod, WorkloadEntry or Gateway"
    known = sorted(set(names))
    candidates = get_close_matches(str(named), known, _SHOWN, 0.4) or known[:_SHOWN]
    return f"there is no {kinds} named {named}" + (f"; there is {', '.join(candidates)}" if candidates else "")
