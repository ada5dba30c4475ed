"""What `pilothouse explain` tells of what workloads are asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from e2e.authorization_matrix.described import Asked, PolicySet
from e2e.authorization_matrix.documents import mesh_config, of_set, shared
from e2e.authorization_matrix.tokens import Issuer
from translators import DEFAULT
from xds.app.explain.rules import rule_of
from xds.app.offline import Offline, proxy_of
from xds.app.proxy_spec import ProxySpec
from xds.app.store import Store
from xds.config.kinds.mesh_config import parse_mesh_config
from xds.explain import PLAIN, TLS, Connection, Explanation, Forwarded, Outcome, Request, explain_arrival
from xds.resources import Snapshot
from xds.sources.batch import Batch


@dataclass(frozen=True)
class Told:
    """What becomes of it. rule: the one that decides, ``NAMESPACE/POLICY/RULE``; empty if none does."""

    allowed: bool
    rule: str
    reason: str


@dataclass(frozen=True)
class Explainable:
    """Workloads, by name of their sets."""

    addresses: Mapping[str, str]
    snapshots: Mapping[str, Snapshot]

    def ask(self, of: PolicySet, asked: Asked) -> Told:
        """What is told of it."""
        connection = _connection(asked, self.addresses[of.name])
        request = None
        if asked.is_request:
            headers = tuple(asked.headers.items())
            request = Request.of(asked.method, asked.host, asked.path, headers, claims=asked.claims)
        return _told(explain_arrival(self.snapshots[of.name], connection, request), asked)


def explainable(sets: Sequence[PolicySet]) -> Explainable:
    """Each of them at an address of its own."""
    addresses = {each.name: f"127.0.{number // 250}.{number % 250 + 1}" for number, each in enumerate(sets)}
    settings, problems = parse_mesh_config(mesh_config(Path("access.log")), "mesh.yaml")
    assert not problems, problems
    offline = Offline(settings, DEFAULT)
    rule = Issuer().rule()
    own = {f"{each.name}.yaml": of_set(each, addresses[each.name], rule) for each in sets}
    offline.take(Batch({"shared.yaml": shared("127.1.0.1"), **own}))
    return Explainable(addresses, {each.name: _snapshot(offline.store, each, addresses[each.name]) for each in sets})


def _snapshot(store: Store, of: PolicySet, address: str) -> Snapshot:
    spec = ProxySpec("server", of.name, address, labels=of.labels, mtls=True)
    return store.compile(proxy_of(spec, store.mesh)).snapshot


def _connection(asked: Asked, address: str) -> Connection:
    plain, encrypted = ("http/1.1",), ("istio-http/1.1",) if asked.is_request else ("istio",)
    return Connection(
        address,
        asked.port,
        TLS if asked.principal else PLAIN,
        asked.server_name if asked.principal else "",
        encrypted if asked.principal else plain if asked.is_request else (),
        asked.source,
        principal=f"spiffe://{asked.principal}" if asked.principal else "",
    )


def _told(found: Explanation, asked: Asked) -> Told:
    """Of outcomes under a condition, the one whose condition is met."""
    outcome = next(each for each in found.outcomes if _is_met(each, asked))
    checks = (*found.checks, *(check for route in found.routes for check in route.checks))
    rule = rule_of(checks[-1].policy) if checks else None
    name = f"{rule.object.namespace}/{rule.object.name}/{rule.path[-1]}" if rule is not None else ""
    return Told(isinstance(outcome, Forwarded), name, "" if isinstance(outcome, Forwarded) else outcome.reason)


def _is_met(outcome: Outcome, asked: Asked) -> bool:
    if isinstance(outcome, Forwarded) or not outcome.condition:
        return True
    return asked.refused_by_provider and outcome.condition.endswith("refuses")
