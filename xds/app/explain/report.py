"""An explanation as a document: every step with the places where it is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from xds.app.explain.inbound import Arrival
from xds.app.explain.lines import Lines, Place
from xds.app.explain.peers import Accepts
from xds.app.explain.rules import renamed, rule_of
from xds.explain import PLAIN, Answered, Check, ClusterStep, Ended, Explanation, Forwarded, Outcome, Policy, Spoken
from xds.explain.result import EndpointShare, PassedPolicy, RouteStep
from xds.resources import PatchedBy, Source

Document: TypeAlias = dict[str, object]


def document(explanation: Explanation, lines: Lines, arrivals: Mapping[str, Arrival | None]) -> Document:
    """JSON: ``listener``, ``filterChain``, ``virtualHost``, ``checks``, ``routes`` and ``outcomes``, as far as the way
    goes.

    arrivals: by cluster, what the sidecar of an endpoint does, if it is to be told; the same steps again.
    """
    return _Report(explanation, lines, arrivals).document()


@dataclass(frozen=True, slots=True)
class _Report:
    explanation: Explanation
    lines: Lines
    arrivals: Mapping[str, Arrival | None]

    def document(self) -> Document:
        found = self.explanation
        steps: Document = {}
        if found.listener is not None:
            listener = found.listener
            steps["listener"] = {
                "name": listener.name,
                "address": listener.address,
                "reason": listener.reason,
                "from": self._places(listener.sources),
            }
        if found.chain is not None:
            steps["filterChain"] = {
                "name": found.chain.name,
                "match": found.chain.match,
                "filters": [*found.chain.filters],
                "from": self._places(found.chain.sources),
                **self._patched(found.chain.patched),
            }
        if found.host is not None:
            steps["virtualHost"] = {
                "routeConfiguration": found.host.table,
                "name": found.host.name,
                "domain": found.host.domain,
                "from": self._places(found.host.sources),
                **self._patched(found.host.patched),
            }
        if found.checks:
            steps["checks"] = [self._check(check) for check in found.checks]
        if found.routes:
            steps["routes"] = [self._route(route) for route in found.routes]
        steps["outcomes"] = [self._outcome(outcome) for outcome in found.outcomes]
        return steps

    def _route(self, route: RouteStep) -> Document:
        return {
            "name": route.name,
            "share": route.share,
            "match": route.match,
            "from": self._places(route.sources),
            "passedOver": [{"route": each.route, "reason": each.reason} for each in route.passed_over],
            "policies": [self._route_policy(policy, route) for policy in route.policies],
            "checks": [self._check(check) for check in route.checks],
        }

    def _check(self, check: Check) -> Document:
        rule = rule_of(check.policy) or self.lines.of_issuer(check.policy, check.sources)
        return {
            "filter": check.filter,
            "decision": renamed(check.text),
            "from": self._places((rule,) if rule is not None else check.sources),
            "passedOver": [self._passed(each) for each in check.passed_over],
        }

    def _passed(self, passed: PassedPolicy) -> Document:
        rule = rule_of(passed.policy)
        place = {"from": _place(self.lines.place(rule))} if rule is not None else {}
        return {"policy": renamed(passed.policy), "reason": passed.reason, **place}

    def _route_policy(self, policy: Policy, route: RouteStep) -> Document:
        own = (self.lines.place(source) for source in policy.sources)
        rules = (self.lines.of_rule(policy.name, source) for source in route.sources)
        clusters = (outcome.cluster for outcome in route.outcomes if isinstance(outcome, Forwarded))
        targets = (self._of_cluster(policy, cluster) for cluster in clusters)
        return _policy(policy, (*own, *rules, *targets))

    def _outcome(self, outcome: Outcome) -> Document:
        if isinstance(outcome, Ended):
            return {**_share(outcome), "ended": renamed(outcome.reason)}
        if isinstance(outcome, Answered):
            return {**_share(outcome), "answered": _answered(outcome)}
        changes = [str(change) for change in outcome.response_changes]
        return {
            "share": outcome.share,
            "forwarded": {
                **({"path": outcome.path} if outcome.path else {}),
                **({"authority": outcome.authority} if outcome.authority else {}),
                **({"responseHeaders": changes} if changes else {}),
                "cluster": self._cluster(outcome.cluster),
                **self._inbound(self.arrivals.get(outcome.cluster.name)),
            },
        }

    def _inbound(self, arrival: Arrival | None) -> Document:
        if arrival is None:
            return {}
        connection = arrival.connection
        if connection.transport == PLAIN:
            told: Document = {"transport": "plain text"}
        else:
            told = {"transport": "TLS", "serverName": connection.server_name, "alpn": [*connection.protocols]}
        if connection.principal:
            told["principal"] = connection.principal
        steps = document(arrival.explanation, self.lines, {})
        return {"inbound": {"workload": arrival.workload, **told, **self._accepts(arrival.accepts), **steps}}

    def _accepts(self, accepts: Accepts | None) -> Document:
        """What the workload accepts; without a place it is the default."""
        if accepts is None:
            return {}
        places = self._places((accepts.source,) if accepts.source is not None else ())
        return {"peerAuthentication": {"mode": accepts.mode.value, "from": places}}

    def _cluster(self, cluster: ClusterStep) -> Document:
        return {
            "name": cluster.name,
            "kind": cluster.kind,
            "from": self._places(cluster.sources),
            "endpoints": [self._endpoint(endpoint) for endpoint in cluster.endpoints],
            "policies": [_policy(policy, (self._of_cluster(policy, cluster),)) for policy in cluster.policies],
        }

    def _endpoint(self, endpoint: EndpointShare) -> Document:
        place = self.lines.of_endpoint(endpoint.address)
        return {
            "address": endpoint.address,
            "share": endpoint.share,
            **({"remark": endpoint.remark} if endpoint.remark else {}),
            **({"tls": _spoken(endpoint.spoken)} if endpoint.spoken.tls else {}),
            **({"from": _place(place)} if place is not None else {}),
        }

    def _of_cluster(self, policy: Policy, cluster: ClusterStep) -> Place | None:
        places = (self.lines.of_cluster(policy.name, cluster.name, source) for source in cluster.sources)
        return next(filter(None, places), None)

    def _patched(self, marks: Iterable[PatchedBy]) -> Document:
        """What EnvoyFilters did with a step, if anything."""
        found = [{"what": mark.what, "from": _place(self.lines.place(mark.source))} for mark in dict.fromkeys(marks)]
        return {"patched": found} if found else {}

    def _places(self, sources: Iterable[Source]) -> list[Document]:
        return [_place(self.lines.place(source)) for source in sources]


def _share(outcome: Answered | Ended) -> Document:
    """condition: what it is subject to; the share is of what is so."""
    return {**({"condition": outcome.condition} if outcome.condition else {}), "share": outcome.share}


def _spoken(spoken: Spoken) -> Document:
    """What is said in the handshake with an endpoint, and whether the proxy shows who it is."""
    return {"serverName": spoken.server_name, "alpn": [*spoken.protocols], "mutual": spoken.shows}


def _answered(outcome: Answered) -> Document:
    texts = {"reason": renamed(outcome.reason), "location": outcome.location, "body": outcome.body}
    changes = [str(change) for change in outcome.response_changes]
    return {
        "status": outcome.status,
        **{name: text for name, text in texts.items() if text},
        **({"responseHeaders": changes} if changes else {}),
    }


def _policy(policy: Policy, places: Iterable[Place | None]) -> Document:
    """``from`` is left out of what nobody asked for: a default."""
    place = next(filter(None, places), None)
    return {"name": policy.name, "value": policy.text, **({"from": _place(place)} if place is not None else {})}


def _place(place: Place) -> Document:
    where = {"file": place.origin.file, "line": place.origin.line} if place.origin is not None else {}
    return {"object": str(place.object), **({"field": place.field} if place.field else {}), **where}
