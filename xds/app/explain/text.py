"""An explanation as text, made from its document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


def text(steps: Mapping[str, object]) -> Iterator[str]:
    """The document of `xds.app.explain.report` for people, line by line."""
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
        yield from _checks(steps)
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
        yield from _checks(route)

    def _outcome(self, outcome: Mapping[str, object]) -> Iterator[str]:
        condition = f"if {outcome['condition']}: " if "condition" in outcome else ""
        if "ended" in outcome:
            yield _line("ends", f"{condition}{outcome['ended']}{_share(outcome)}")
        elif "answered" in outcome:
            answer = _mapping(outcome["answered"])
            yield _line("answer", f"{condition}{answer['status']}: {answer['reason']}{_share(outcome)}")
            yield from (_line(f"  {key}", f"{answer[key]}") for key in ("location", "body") if key in answer)
        else:
            yield from self._forwarded(_mapping(outcome["forwarded"]), _share(outcome))

    def _forwarded(self, forwarded: Mapping[str, object], share: str) -> Iterator[str]:
        cluster = _mapping(forwarded["cluster"])
        yield _line("cluster", f"{cluster['name']} ({cluster['kind']}){share}")
        yield from _from(cluster)
        yield from (_line(f"  {key}", f"{forwarded[key]}") for key in ("path", "authority") if key in forwarded)
        for endpoint in _list(cluster["endpoints"]):
            remarks = [f"{endpoint['remark']}"] if "remark" in endpoint else []
            remarks += ["mutual TLS" if _mapping(endpoint["tls"])["mutual"] else "TLS"] if "tls" in endpoint else []
            remark = f" ({', '.join(remarks)})" if remarks else ""
            yield _line("  endpoint", f"{endpoint['address']} {_percent(endpoint['share'])}{remark}")
            if "from" in endpoint:
                yield _line("", f"  {_where(_mapping(endpoint['from']))}")
        yield from _policies(cluster)
        if "inbound" in forwarded:
            inbound = _mapping(forwarded["inbound"])
            yield _line("inbound", f"at {inbound['workload']}, {_transport(inbound)}")
            if "peerAuthentication" in inbound:
                accepts = _mapping(inbound["peerAuthentication"])
                by_default = "" if _list(accepts["from"]) else ", by default"
                yield _line("  mutual TLS", f"{accepts['mode']}{by_default}")
                yield from (f"  {line}" for line in _from(accepts))
            yield from (f"  {line}" for line in self.lines(inbound))


def _title(key: str, step: Mapping[str, object]) -> str:
    if key == "listener":
        return f"{step['name']} ({step['address']}): {step['reason']}"
    if key == "filterChain":
        return f"{step['name']}: {step['match']}" if step["name"] else f"{step['match']}"
    return f"{step['name']} of {step['routeConfiguration']}, by its domain {step['domain']}"


def _transport(inbound: Mapping[str, object]) -> str:
    if "serverName" not in inbound:
        return f"in {inbound['transport']}"
    return f"by TLS to {inbound['serverName']}" + (f" from {inbound['principal']}" if "principal" in inbound else "")


def _checks(step: Mapping[str, object]) -> Iterator[str]:
    """What filters decide, each with the policy that does, and below it those that have no say."""
    for check in _list(step.get("checks", [])):
        yield _line("decision", f"{check['filter']}: {check['decision']}")
        yield from _from(check)
        for passed in _list(check["passedOver"]):
            yield _line("  passed over", f"{passed['policy']} {passed['reason']}")
            if "from" in passed:
                yield _line("", f"  {_where(_mapping(passed['from']))}")


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
