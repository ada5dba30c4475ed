"""Sidecars of which only one can hold, and what a Sidecar names that is not there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Final

from xds.config.analysis.subject import Subject
from xds.config.document import Path
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.gateways import HostSelector, Sidecar
from xds.model.hosts import host_matches

_ANY: Final = "*"
_NO_NAMESPACE: Final = "~"

Hosts = Mapping[str, set[str]]
"""The hosts of services and VirtualServices, by namespace."""


def analyse(subject: Subject) -> Iterator[Diagnostic]:
    """Two Sidecars for one workload (IST0110) or one namespace (IST0111), and hosts that nothing has."""
    hosts = _hosts(subject)
    for sidecars in subject.mesh.sidecars.values():
        yield from _second_defaults(subject, sidecars)
        yield from _second_selections(subject, sidecars)
        for sidecar in sidecars:
            yield from _unknown_hosts(subject, sidecar, hosts)
            yield from _unknown_proxy(subject, sidecar)


def _second_defaults(subject: Subject, oldest_first: tuple[Sidecar, ...]) -> Iterator[Diagnostic]:
    defaults = [sidecar for sidecar in oldest_first if sidecar.workload_selector is None]
    for younger in defaults[1:]:
        reason = f"{_place(defaults[0])} is the default of namespace {younger.meta.namespace}: this has no effect"
        yield subject.finding(younger.meta.key, (), Severity.WARNING, reason, "second-default-sidecar")


def _second_selections(subject: Subject, oldest_first: tuple[Sidecar, ...]) -> Iterator[Diagnostic]:
    """One for each Sidecar that another keeps from a workload; of its workloads the first stands for all."""
    holders: dict[str, Sidecar] = {}
    for sidecar in (each for each in oldest_first if each.workload_selector is not None):
        taken = [name for name in _selected(subject, sidecar) if holders.setdefault(name, sidecar) is not sidecar]
        if taken:
            reason = f"{_place(holders[taken[0]])} is for {taken[0]} already: this has no effect on it"
            path = ("spec", "workloadSelector")
            yield subject.finding(sidecar.meta.key, path, Severity.WARNING, reason, "second-sidecar")


def _selected(subject: Subject, sidecar: Sidecar) -> Iterator[str]:
    """A Sidecar is for workloads of its own namespace, the root namespace's too."""
    namespace, wanted = sidecar.meta.namespace, sidecar.workload_selector
    for each in subject.selectable_in(namespace):
        if each.namespace == namespace and wanted is not None and wanted.selects(each.labels):
            yield each.name


def _unknown_hosts(subject: Subject, sidecar: Sidecar, hosts: Hosts) -> Iterator[Diagnostic]:
    for number, listener in enumerate(sidecar.egress or ()):
        for index, selector in enumerate(listener.hosts):
            reason = _unknown(selector, sidecar.meta.namespace, hosts)
            if reason:
                path: Path = ("spec", "egress", number, "hosts", index)
                yield subject.finding(sidecar.meta.key, path, Severity.WARNING, reason, "unknown-egress-host")


def _unknown(selector: HostSelector, namespace: str, hosts: Hosts) -> str:
    """What is not there. That a Sidecar's own namespace, or the mesh, has no services yet is no mistake."""
    if selector.namespace == _NO_NAMESPACE:
        return ""
    if selector.host == _ANY and selector.namespace in (_ANY, namespace):
        return ""
    if selector.namespace != _ANY and selector.namespace not in hosts:
        return f"namespace {selector.namespace} has no service, and no VirtualService"
    here = hosts.values() if selector.namespace == _ANY else (hosts[selector.namespace],)
    if any(host_matches(selector.host, host) or host_matches(host, selector.host) for host in chain(*here)):
        return ""
    where = "" if selector.namespace == _ANY else f" of namespace {selector.namespace}"
    return f"no service and no VirtualService{where} has {selector.host}"


def _hosts(subject: Subject) -> Hosts:
    found: dict[str, set[str]] = {}
    for service in subject.mesh.services:
        found.setdefault(service.meta.namespace, set()).add(service.hostname)
    for virtual_service in subject.mesh.virtual_services:
        found.setdefault(virtual_service.meta.namespace, set()).update(virtual_service.hosts)
    return found


def _unknown_proxy(subject: Subject, sidecar: Sidecar) -> Iterator[Diagnostic]:
    proxy = sidecar.egress_proxy
    if proxy is None or any(service.port(proxy.port or 0) for service in subject.services_matching(proxy.host)):
        return
    reason = f"no service {proxy.host} has port {proxy.port}: what nobody knows is answered with 503"
    path = ("spec", "outboundTrafficPolicy", "egressProxy", "host")
    yield subject.finding(sidecar.meta.key, path, Severity.WARNING, reason, "unknown-egress-proxy")


def _place(sidecar: Sidecar) -> str:
    return f"{sidecar.meta.key} at {sidecar.meta.origin}"
