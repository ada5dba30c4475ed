"""What a VirtualService says that cannot be what its author means, although nothing in it is wrong.

Everything here costs time in proportion to the object.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Final

from xds.config.reader import Reader
from xds.model.claims import ClaimPath
from xds.model.routing import HTTPMatchRequest, HTTPRoute, MatchKind, StringMatch, VirtualService

_HUNDRED: Final = 100
_AFTER_PROCESSING: Final = frozenset({"5xx", "gateway-error", "reset", "retriable-status-codes"})
"""Retry conditions that a server can meet that has done what it was asked to."""

_REPEATABLE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
"""The methods that may be repeated (RFC 9110, 9.2.2)."""

_EVERY_PATH: Final = (
    None,
    StringMatch(MatchKind.PRESENT),
    StringMatch(MatchKind.PREFIX, "/"),
    StringMatch(MatchKind.REGEX, ".*"),
)


def remark(spec: Reader, virtual_service: VirtualService) -> None:
    """Reports rules that are never reached, weights that do not add up, and retries that may do things twice."""
    for rules in ("http", "tls", "tcp"):
        for rule in spec.items(rules):
            _remark_weights(rule)
    readers = spec.items("http")
    _remark_shadows(readers, virtual_service)
    for route in virtual_service.http:
        _remark_retries(readers[route.index], route)


def _remark_weights(rule: Reader) -> None:
    targets = rule.items("route")
    total = sum(target.integer("weight") for target in targets)
    if len(targets) > 1 and total not in (0, _HUNDRED):
        rule.warning("route", f"the weights add up to {total}, not to 100: each is a share of {total}", "weights")


def _remark_shadows(readers: list[Reader], virtual_service: VirtualService) -> None:
    """A rule is never reached if each of its matches comes after the same match, or after one that takes everything."""
    taken: dict[Hashable, Reader] = {}
    taken_whole: dict[str, Reader] = {}
    for route in virtual_service.http:
        reader = readers[route.index]
        matches = route.match or (HTTPMatchRequest(gateways=virtual_service.gateways),)
        before = [_taken_by(match, taken, taken_whole) for match in matches]
        code = "shadowed-rule" if all(before) else "shadowed-match"
        for number, earlier in enumerate(before):
            if earlier is not None:
                path = ("match", number) if route.match else ()
                what = "this match" if len(before) > 1 else "this rule"
                reason = f"{what} is never reached: the rule at {earlier.origin} takes all that it is for"
                reader.warning(path, reason, code)
        for match in matches if route.delegate is None else ():  # a delegate may leave something over
            taken.setdefault(_key(match), reader)
            if _takes_everything(match):
                taken_whole.update((gateway, reader) for gateway in match.gateways if gateway not in taken_whole)


def _taken_by(
    match: HTTPMatchRequest, taken: Mapping[Hashable, Reader], taken_whole: Mapping[str, Reader]
) -> Reader | None:
    if all(gateway in taken_whole for gateway in match.gateways):
        return taken_whole[match.gateways[0]]
    return taken.get(_key(match))


def _takes_everything(match: HTTPMatchRequest) -> bool:
    conditions = (match.scheme, match.method, match.authority, *_maps(match))
    clients = (match.port, match.source_labels, match.source_namespace)
    return match.uri in _EVERY_PATH and not any(conditions) and not any(clients)


def _key(match: HTTPMatchRequest) -> Hashable:
    """Equal for matches that are met by the same requests of the same clients."""
    maps = tuple(tuple(sorted((m or {}).items(), key=str)) for m in _maps(match))
    plain = (match.uri, match.ignore_uri_case, match.scheme, match.method, match.authority)
    return (*plain, *maps, match.port, match.source_labels, match.source_namespace, frozenset(match.gateways))


def _maps(match: HTTPMatchRequest) -> tuple[Mapping[str, StringMatch] | Mapping[ClaimPath, StringMatch] | None, ...]:
    return match.headers, match.without_headers, match.query_params, match.claims, match.without_claims


def _remark_retries(reader: Reader, route: HTTPRoute) -> None:
    retries = route.retries
    if retries is None or retries.attempts <= 0 or not route.route:
        return
    asked = [condition for condition in retries.retry_on.split(",") if _may_repeat(condition)]
    methods = [match.method for match in route.match] or [None]
    if not asked or all(method is not None and _is_repeatable(method) for method in methods):
        return
    reason = f"{', '.join(asked)} may come after the request was processed: what is not idempotent can happen twice"
    retries_at = ("retries", "retryOn")
    if any(method is not None and not _is_repeatable(method) for method in methods):
        reader.warning(retries_at, reason, "unsafe-retry")
    else:
        reader.info(retries_at, f"{reason}; a match on the method keeps POST and PATCH out", "unsafe-retry")


def _may_repeat(condition: str) -> bool:
    return condition in _AFTER_PROCESSING or (condition.isdecimal() and condition.startswith("5"))


def _is_repeatable(method: StringMatch) -> bool:
    return method.kind is MatchKind.EXACT and method.value in _REPEATABLE
