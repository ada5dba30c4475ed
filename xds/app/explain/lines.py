"""Where a step of an explanation is written: the object, the field, the file and the line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from xds.app.store import Store
from xds.config.document import Path, RawObject, format_path, has_path
from xds.model.objects import ObjectKey, Origin
from xds.resources import Source

RULE_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "timeout": ("timeout",),
    "retry_policy": ("retries",),
    "prefix_rewrite": ("rewrite",),
    "regex_rewrite": ("rewrite",),
    "host_rewrite_literal": ("rewrite", "headers"),
    "request_mirror_policy": ("mirrors", "mirror"),
    "request_headers": ("headers", "route"),
    "response_headers": ("headers", "route"),
    "weighted_cluster_headers": ("route",),
    "cors": ("corsPolicy",),
    "fault.delay": ("fault",),
    "fault.abort": ("fault",),
}
"""By policy of a route, the fields of a VirtualService's rule that ask for it."""

TRAFFIC_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "lb_policy": ("loadBalancer",),
    "load_balancing_policy": ("loadBalancer",),
    "ring_hash_lb_config": ("loadBalancer",),
    "maglev_lb_config": ("loadBalancer",),
    "least_request_lb_config": ("loadBalancer",),
    "round_robin_lb_config": ("loadBalancer",),
    "common_lb_config": ("loadBalancer", "outlierDetection"),
    "connect_timeout": ("connectionPool",),
    "circuit_breakers": ("connectionPool", "retryBudget"),
    "upstream_connection_options": ("connectionPool",),
    "protocol_options": ("connectionPool", "outlierDetection"),
    "outlier_detection": ("outlierDetection",),
    "transport_socket": ("tls", "proxyProtocol"),
    "transport_socket_match": ("tls",),
    "hash_policy": ("loadBalancer",),
}
"""By policy of a cluster, the blocks of a DestinationRule's traffic policy that ask for it."""


@dataclass(frozen=True, slots=True)
class Place:
    """A field of an object, and where it is written. field: in Istio's notation, empty for the object."""

    object: ObjectKey
    field: str
    origin: Origin | None

    def __str__(self) -> str:
        where = self.origin if self.origin is not None else "of unknown origin"
        return f"{self.object} {self.field}  {where}" if self.field else f"{self.object}  {where}"


class Lines:
    """Looks places up in the configuration that is in force."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def place(self, source: Source) -> Place:
        """Where a step comes from."""
        raw = self._store.document(source.object)
        origin = raw.origin_of(source.path) if raw is not None else self._store.locate(source.object)
        return Place(source.object, format_path(source.path), origin)

    def of_rule(self, policy: str, rule: Source) -> Place | None:
        """Where a rule asks for a policy; None if it does not, so that it is nobody's wish."""
        raw = self._store.document(rule.object)
        paths = ((*rule.path[:3], field) for field in RULE_FIELDS.get(policy, ()))
        return self._first(raw, paths)

    def of_cluster(self, policy: str, cluster: str, rule: Source) -> Place | None:
        """Where a DestinationRule asks for a policy of a cluster, which is named as Istio names it; None if it does
        not."""
        raw = self._store.document(rule.object)
        if raw is None or raw.kind != "DestinationRule" or cluster.count("|") != 3:
            return None
        _, port, subset, _ = cluster.split("|")
        fields = TRAFFIC_FIELDS.get(policy, ())
        return self._first(raw, ((*level, field) for level in _levels(raw, port, subset) for field in fields))

    def of_issuer(self, issuer: str, objects: Iterable[Source]) -> Source | None:
        """The first rule of these RequestAuthentications about the tokens of an issuer; None if there is none."""
        for source in objects:
            raw = self._store.document(source.object)
            rules = _at(raw.document, ("spec", "jwtRules")) if raw is not None else None
            for index, rule in enumerate(rules if isinstance(rules, list) else ()):
                if _at(rule, ("issuer",)) == issuer:
                    return Source(source.object, ("spec", "jwtRules", index))
        return None

    def of_endpoint(self, address: str) -> Place | None:
        """The workload at ``ip:port``; None if its endpoint is listed where its cluster comes from, or nowhere."""
        workload = self._store.mesh.workloads.get(address.rpartition(":")[0].strip("[]"))
        return self.place(Source(workload.meta.key)) if workload is not None else None

    def _first(self, raw: RawObject | None, paths: Iterator[Path]) -> Place | None:
        if raw is None:
            return None
        path = next((path for path in paths if has_path(raw.document, path)), None)
        return Place(raw.key, format_path(path), raw.origin_of(path)) if path is not None else None


def _levels(raw: RawObject, port: str, subset: str) -> Iterator[Path]:
    """The traffic policies that have a say, the one that decides first. One for a port replaces what is above it."""
    spec = raw.document["spec"]
    for path in _policies(spec, subset):
        policy = _at(spec, path)
        settings = policy.get("portLevelSettings") if isinstance(policy, Mapping) else None
        for index, each in enumerate(settings if isinstance(settings, list) else ()):
            if str(each.get("port", {}).get("number")) == port:
                yield ("spec", *path, "portLevelSettings", index)
                return
        yield ("spec", *path)


def _policies(spec: object, subset: str) -> Iterator[Path]:
    subsets = _at(spec, ("subsets",)) if subset else None
    for index, each in enumerate(subsets if isinstance(subsets, list) else ()):
        if each["name"] == subset:
            yield ("subsets", index, "trafficPolicy")
    yield ("trafficPolicy",)


def _at(value: object, path: Path) -> object:
    for step in path:
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int):
            value = value[step]
    return value
