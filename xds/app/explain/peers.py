"""What a workload accepts on a port, and the PeerAuthentication that says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from xds.config.document import Path
from xds.model.labels import Labels
from xds.model.mesh import Mesh
from xds.model.peer_authentication import MutualTLSMode, PeerAuthentication
from xds.model.services import Workload
from xds.resources import Source


@dataclass(frozen=True, slots=True)
class Accepts:
    """mode: what holds. source: where it is said; None if nobody says anything, so that it is Istio's default."""

    mode: MutualTLSMode
    source: Source | None


def accepted(mesh: Mesh, workload: Workload, port: int) -> Accepts:
    """What holds for a port of a workload: the first policy that says so, of those that
    `xds.model.peer_authentication.PeerPolicies` asks in turn."""
    policies, root = mesh.peer_authentications, mesh.settings.root_namespace
    for policy in _in_turn(policies, workload.meta.namespace, root, Labels(workload.labels)):
        for path, mode in _modes(policy, port):
            if mode is not MutualTLSMode.UNSET:
                return Accepts(mode, Source(policy.meta.key, path))
    return Accepts(MutualTLSMode.PERMISSIVE, None)


def _in_turn(
    policies: Mapping[str, tuple[PeerAuthentication, ...]], namespace: str, root: str, labels: Labels
) -> Iterator[PeerAuthentication]:
    own = policies.get(namespace, ())
    if namespace != root:
        yield from [each for each in own if each.selector and each.selector.selects(labels)][:1]
        yield from [each for each in own if not each.selector][:1]
    yield from [each for each in policies.get(root, ()) if not each.selector][:1]


def _modes(policy: PeerAuthentication, port: int) -> Iterator[tuple[Path, MutualTLSMode]]:
    """The port's own comes first. It is written with the number as text."""
    if port in policy.port_level:
        yield ("spec", "portLevelMtls", str(port)), policy.port_level[port]
    yield ("spec", "mtls"), policy.mode
