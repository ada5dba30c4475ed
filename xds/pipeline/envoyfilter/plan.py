"""The patches of a view, sorted by what they are applied to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from xds.model.envoy_filters import ApplyTo, ConfigPatch, PatchContext
from xds.model.proxy import ProxyType
from xds.model.view import ProxyView
from xds.pipeline.memo import Memo

NamedPorts = Mapping[str, frozenset[int]]
"""By the name of a port, in lower case, the numbers of all ports of this name that the proxy knows."""


@dataclass(frozen=True, eq=False)
class Plan:
    """patches: in their order. gateway: whether the proxy is one. ports: those that a patch asks for by name."""

    patches: tuple[ConfigPatch, ...]
    gateway: bool
    ports: NamedPorts = field(default_factory=dict)

    def of(self, target: ApplyTo, context: PatchContext) -> tuple[ConfigPatch, ...]:
        """The patches of things of this sort in this context."""
        return self._sorted.get((target, context), ())

    def context(self, *, inbound: bool) -> PatchContext:
        """Where something is that is for traffic to, or from, the workload."""
        if self.gateway:
            return PatchContext.GATEWAY
        return PatchContext.SIDECAR_INBOUND if inbound else PatchContext.SIDECAR_OUTBOUND

    @property
    def contexts(self) -> tuple[PatchContext, ...]:
        """All that this proxy has, the one first in which things are added that say none."""
        return (PatchContext.GATEWAY,) if self.gateway else _OF_SIDECARS

    def only(self, patches: Iterable[ConfigPatch]) -> Plan:
        """The same without all others."""
        return Plan(tuple(patches), self.gateway, self.ports)

    @cached_property
    def _sorted(self) -> Mapping[tuple[ApplyTo, PatchContext], tuple[ConfigPatch, ...]]:
        found: dict[tuple[ApplyTo, PatchContext], list[ConfigPatch]] = {}
        for patch in self.patches:
            for context in self.contexts if patch.context is PatchContext.ANY else (patch.context,):
                found.setdefault((patch.apply_to, context), []).append(patch)
        return {key: tuple(patches) for key, patches in found.items()}


_OF_SIDECARS = (PatchContext.SIDECAR_OUTBOUND, PatchContext.SIDECAR_INBOUND)


def plan_of(view: ProxyView, memo: Memo) -> Plan | None:
    """The same object while nothing about it changes; None if no EnvoyFilter is for the proxy."""
    if not view.patches:
        return None
    named = sorted({name.lower() for patch in view.patches for name in _port_names(patch)})
    ports = memo(_ports, *memo(_known_ports, view.without_endpoints, *named)) if named else None
    return memo(_plan, view.patches, view.key.type is ProxyType.ROUTER, ports)


def _plan(patches: tuple[ConfigPatch, ...], gateway: bool, ports: NamedPorts | None) -> Plan:
    return Plan(patches, gateway, ports or {})


def _port_names(patch: ConfigPatch) -> Iterator[str]:
    if patch.listener is not None and patch.listener.port_name:
        yield patch.listener.port_name


def _known_ports(view: ProxyView, *names: str) -> tuple[str, ...]:
    """``name=number``, sorted: texts, which the memo compares by value."""
    return tuple(sorted({f"{name}={number}" for name, number in _all_ports(view) if name in names}))


def _all_ports(view: ProxyView) -> Iterator[tuple[str, int]]:
    for egress in view.egress:
        for visible in egress.services:
            yield from ((port.name.lower(), port.number) for port in visible.service.ports)
    yield from ((inbound.service_port.name.lower(), inbound.target_port) for inbound in view.inbound)
    for gateway_port in view.gateway:
        yield from ((entry.server.port.name.lower(), gateway_port.number) for entry in gateway_port.servers)


def _ports(*named: str) -> NamedPorts:
    found: dict[str, set[int]] = {}
    for each in named:
        name, _, number = each.rpartition("=")
        found.setdefault(name, set()).add(int(number))
    return {name: frozenset(numbers) for name, numbers in found.items()}
