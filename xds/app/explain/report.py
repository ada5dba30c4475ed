"""An explanation as a document: every step with the places where it is written. The text is made from the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from xds.app.explain.inbound import Arrival
from xds.app.explain.lines import Lines, Place
from xds.explain import Answered, ClusterStep, Ended, Explanation, Forwarded, Outcome, Policy
from xds.explain.result import EndpointShare, RouteStep
from xds.resources import PatchedBy, Source

Document: TypeAlias = dict[str, object]


def document(explanation: Explanation, lines: Lines, arrivals: Mapping[str, Arrival | None]) -> Document:
    """JSON: ``listener``, ``filterChain``, ``virtualHost``, ``routes`` and ``outcomes``, as far as the way goes.

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
        }

    def _route_policy(self, policy: Policy, route: RouteStep) -> Document:
        own = (self.lines.place(source) for source in policy.sources)
        rules = (self.lines.of_rule(policy.name, source) for source in route.sources)
        clusters = (outcome.cluster for outcome in route.outcomes if isinstance(outcome, Forwarded))
        targets = (self._of_cluster(policy, cluster) for cluster in clusters)
        return _policy(policy, (*own, *rules, *targets))

    def _outcome(self, outcome: Outcome) -> Document:
        if isinstance(outcome, Ended):
            return {"share": outcome.share, "ended": outcome.reason}
        if isinstance(outcome, Answered):
            return {"share": outcome.share, "answered": _answered(outcome)}
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
        return {"inbound": {"workload": arrival.workload, **document(arrival.explanation, self.lines, {})}}

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


def _answered(outcome: Answered) -> Document:
    texts = {"reason": outcome.reason, "location": outcome.location, "body": outcome.body}
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


# Text


def text(steps: Mapping[str, object]) -> Iterator[str]:
    """The same document for people, line by line."""
    yield from _Text().lines(steps)


class _Text:
    """A step is a label and what it is; below it stand its places, and what belongs to it."""

    def lines(self, steps: Mapping[str, object]) -> Iterator[str]:
        for key, label in (("listener", "listener"), ("filterChain", "filter chain"), ("virtualHost", "virtual host")):
            if key in steps:
                step = _mapping(steps[key])
                yield _line(label, _title(key, step))
                yield from _from(step)
                for patched in _list(step.get("patched", [])):
                    yield _line("  patched", f"{patched['what']}")
                    yield _line("", f"  {_where(_mapping(patched['from']))}")
        for route in _list(steps.get("routes", [])):
            yield from self._route(route)
        for outcome in _list(steps["outcomes"]):
            yield from self._outcome(outcome)

    def _route(self, route: Mapping[str, object]) -> Iterator[str]:
        yield _line("route", f"{route['name']}: {route['match']}{_share(route)}")
        yield from _from(route)
        for passed in _list(route["passedOver"]):
            yield _line("  passed over", f"{passed['route']}; but {passed['reason']}")
        yield from _policies(route)

    def _outcome(self, outcome: Mapping[str, object]) -> Iterator[str]:
        if "ended" in outcome:
            yield _line("ends", f"{outcome['ended']}{_share(outcome)}")
        elif "answered" in outcome:
            answer = _mapping(outcome["answered"])
            yield _line("answer", f"{answer['status']}: {answer['reason']}{_share(outcome)}")
            yield from (_line(f"  {key}", f"{answer[key]}") for key in ("location", "body") if key in answer)
        else:
            yield from self._forwarded(_mapping(outcome["forwarded"]), _share(outcome))

    def _forwarded(self, forwarded: Mapping[str, object], share: str) -> Iterator[str]:
        cluster = _mapping(forwarded["cluster"])
        yield _line("cluster", f"{cluster['name']} ({cluster['kind']}){share}")
        yield from _from(cluster)
        yield from (_line(f"  {key}", f"{forwarded[key]}") for key in ("path", "authority") if key in forwarded)
        for endpoint in _list(cluster["endpoints"]):
            remark = f" ({endpoint['remark']})" if "remark" in endpoint else ""
            yield _line("  endpoint", f"{endpoint['address']} {_percent(endpoint['share'])}{remark}")
            if "from" in endpoint:
                yield _line("", f"  {_where(_mapping(endpoint['from']))}")
        yield from _policies(cluster)
        if "inbound" in forwarded:
            inbound = _mapping(forwarded["inbound"])
            yield _line("inbound", f"at {inbound['workload']}")
            yield from (f"  {line}" for line in self.lines(inbound))


def _title(key: str, step: Mapping[str, object]) -> str:
    if key == "listener":
        return f"{step['name']} ({step['address']}): {step['reason']}"
    if key == "filterChain":
        return f"{step['name']}: {step['match']}" if step["name"] else f"{step['match']}"
    return f"{step['name']} of {step['routeConfiguration']}, by its domain {step['domain']}"


def _policies(step: Mapping[str, object]) -> Iterator[str]:
    for policy in _list(step["policies"]):
        yield _line(f"  {policy['name']}", f"{policy['value']}")
        if "from" in policy:
            yield _line("", f"  {_where(_mapping(policy['from']))}")


def _from(step: Mapping[str, object]) -> Iterator[str]:
    return (_line("", _where(place)) for place in _list(step["from"]))


def _where(place: Mapping[str, object]) -> str:
    field = f" {place['field']}" if "field" in place else ""
    return f"{place['object']}{field}  {place.get('file', '?')}:{place.get('line', '?')}"


_LABEL = 18


def _line(label: str, content: str) -> str:
    return f"{label:<{_LABEL}} {content}".rstrip()


def _share(of: Mapping[str, object]) -> str:
    return "" if of["share"] == 1 else f", {_percent(of['share'])} of requests"


def _percent(share: object) -> str:
    return f"{share * 100:.6g}%" if isinstance(share, float) else f"{share}"


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise TypeError(f"not an object: {value!r}")
    return value


def _list(value: object) -> list[Mapping[str, object]]:
    if not isinstance(value, list):
        raise TypeError(f"not a list: {value!r}")
    return value
