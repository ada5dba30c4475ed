"""Which connections a workload accepts (Istio ``PeerAuthentication``). Names are Istio's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

from xds.model.labels import EMPTY_LABELS, Labels
from xds.model.objects import ObjectMeta


class MutualTLSMode(Enum):
    """Istio ``PeerAuthentication.MutualTLS.Mode``. UNSET: as the policy above says, at last PERMISSIVE."""

    UNSET = "UNSET"
    DISABLE = "DISABLE"  # plain text; TLS is the workload's own affair
    PERMISSIVE = "PERMISSIVE"  # mutual TLS and plain text
    STRICT = "STRICT"  # mutual TLS and nothing else


@dataclass(frozen=True, slots=True)
class PeerAuthentication:
    """Istio ``PeerAuthentication``.

    selector: of workloads; empty for all of the namespace, or of the mesh from the root namespace. port_level: by port
    of the workload, what holds there instead of ``mode``.
    """

    meta: ObjectMeta
    mode: MutualTLSMode = MutualTLSMode.UNSET
    selector: Labels = EMPTY_LABELS
    port_level: Mapping[int, MutualTLSMode] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PeerModes:
    """What holds for one workload. Equal ones that `PeerPolicies` gives are the same object.

    default: on every port that ``ports`` does not name; never UNSET, as none in ``ports`` is.
    """

    default: MutualTLSMode = MutualTLSMode.PERMISSIVE
    ports: tuple[tuple[int, MutualTLSMode], ...] = ()

    def at(self, port: int) -> MutualTLSMode:
        """What holds on a port of the workload."""
        return next((mode for number, mode in self.ports if number == port), self.default)


@lru_cache(maxsize=1024)
def _same(modes: PeerModes) -> PeerModes:
    return modes


@dataclass(frozen=True, slots=True, eq=False)
class PeerPolicies:
    """Every PeerAuthentication of a mesh, arranged for the question of what holds for a workload.

    whole: what holds where no namespace says otherwise. namespaces: what those say that do. selecting: by namespace,
    the policies for chosen workloads, oldest first.
    """

    whole: MutualTLSMode
    namespaces: Mapping[str, MutualTLSMode]
    selecting: Mapping[str, tuple[PeerAuthentication, ...]]

    def modes(self, namespace: str, labels: Labels) -> PeerModes:
        """Istio: the oldest policy that selects the workload, or else the oldest of its namespace, or else the oldest
        of the root namespace; UNSET leaves it to the next."""
        default = self.namespaces.get(namespace, self.whole)
        chosen = next((each for each in self.selecting.get(namespace, ()) if each.selector.selects(labels)), None)
        if chosen is None:
            return _same(PeerModes(default))
        default = _inherited(chosen.mode, default)
        levels = ((port, _inherited(mode, default)) for port, mode in sorted(chosen.port_level.items()))
        return _same(PeerModes(default, tuple((port, mode) for port, mode in levels if mode is not default)))

    @property
    def may_disable(self) -> bool:
        """Whether there is any port on which mutual TLS is off."""
        chosen = (each for group in self.selecting.values() for each in group)
        levels = (mode for each in chosen for mode in (each.mode, *each.port_level.values()))
        return MutualTLSMode.DISABLE in (self.whole, *self.namespaces.values(), *levels)


def peer_policies(policies: Mapping[str, tuple[PeerAuthentication, ...]], root_namespace: str) -> PeerPolicies:
    """policies: by namespace, oldest first. One with a selector has no effect in the root namespace, as in Istio."""
    modes = {namespace: _oldest_mode(group) for namespace, group in policies.items()}
    whole = _inherited(modes.pop(root_namespace, MutualTLSMode.UNSET), MutualTLSMode.PERMISSIVE)
    return PeerPolicies(
        whole,
        {namespace: mode for namespace, mode in modes.items() if mode is not MutualTLSMode.UNSET},
        {ns: tuple(p for p in group if p.selector) for ns, group in policies.items() if ns != root_namespace},
    )


def _oldest_mode(policies: Iterable[PeerAuthentication]) -> MutualTLSMode:
    return next((each.mode for each in policies if not each.selector), MutualTLSMode.UNSET)


def _inherited(mode: MutualTLSMode, above: MutualTLSMode) -> MutualTLSMode:
    return above if mode is MutualTLSMode.UNSET else mode
