"""What else holds for a rule of a VirtualService: retries, faults, mirrors and CORS."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from xds.config.kinds.destinations import parse_destination
from xds.config.kinds.grpc_status import parse_grpc_status
from xds.config.kinds.names import Scope, parse_percentage, parse_whole_percentage
from xds.config.kinds.string_match import parse_string_match
from xds.config.reader import Reader
from xds.model.routing import (
    CorsPolicy,
    FaultAbort,
    FaultDelay,
    HTTPFaultInjection,
    HTTPMirrorPolicy,
    HTTPRetry,
    MatchKind,
    StringMatch,
)

RETRY_CONDITIONS: Final = frozenset(
    {
        "5xx",
        "gateway-error",
        "reset",
        "reset-before-request",
        "connect-failure",
        "envoy-ratelimited",
        "retriable-4xx",
        "refused-stream",
        "retriable-status-codes",
        "retriable-headers",
        "http3-post-connect-failure",
        "cancelled",
        "deadline-exceeded",
        "internal",
        "resource-exhausted",
        "unavailable",
    }
)
"""Envoy's ``x-envoy-retry-on`` and ``x-envoy-retry-grpc-on`` policies."""

_FORWARDS: Final = {"UNSPECIFIED": None, "FORWARD": True, "IGNORE": False}
_NEEDS_ATTEMPTS: Final = ("perTryTimeout", "retryOn", "retryRemoteLocalities", "backoff")
_EVERYTHING: Final = 100.0
_NOTHING: Final = 0.0


def parse_retries(rule: Reader, name: str = "retries") -> HTTPRetry | None:
    """The field ``name``; None, which means the default, if absent. Without attempts they are off, as in Istio."""
    retries = rule.child(name)
    if retries is None:
        return None
    attempts = retries.integer("attempts")
    if attempts < 0:
        retries.error("attempts", "must not be negative", "out-of-range")
    pointless = next((name for name in _NEEDS_ATTEMPTS if retries.has(name)), None)
    if attempts == 0 and pointless:
        retries.error(pointless, "needs attempts of at least 1: with 0, retries are off", "conflicting-fields")
    return HTTPRetry(
        attempts=attempts,
        per_try_timeout=retries.duration("perTryTimeout"),
        retry_on=retries.parsed("retryOn", _retry_on, ""),
        retry_remote_localities=retries.flag("retryRemoteLocalities"),
        retry_ignore_previous_hosts=retries.flag("retryIgnorePreviousHosts", True),
        backoff=retries.duration("backoff"),
    )


def _retry_on(text: str) -> str:
    conditions = [condition.strip() for condition in text.split(",")]
    for condition in conditions:
        if condition not in RETRY_CONDITIONS and not _is_http_status(condition):
            raise ValueError(f"{condition[:60]!r} is neither a retry condition of Envoy nor an HTTP status")
    return ",".join(conditions)


def _is_http_status(text: str) -> bool:
    return len(text) == 3 and text.isascii() and text.isdigit() and 100 <= int(text) <= 599


def parse_fault(rule: Reader) -> HTTPFaultInjection | None:
    """``fault``; None if absent."""
    fault = rule.child("fault")
    if fault is None:
        return None
    if not fault.has("delay") and not fault.has("abort"):
        fault.error((), "one of delay, abort is required", "missing-field")
    return HTTPFaultInjection(_delay(fault), _abort(fault))


def _delay(fault: Reader) -> FaultDelay | None:
    delay = fault.child("delay")
    if delay is None or delay.has("exponentialDelay"):
        return None
    fixed_delay = delay.duration("fixedDelay")
    if fixed_delay is None:
        delay.error("fixedDelay", "is required", "missing-field")
        return None
    whole = parse_whole_percentage(delay, "percent")
    percentage = parse_percentage(delay, "percentage", _NOTHING if whole is None else float(whole))
    if not delay.has("percentage") and whole is None:
        delay.warning("percentage", "is not given: no request is delayed", "no-effect")
    return FaultDelay(fixed_delay, percentage)


def _abort(fault: Reader) -> FaultAbort | None:
    abort = fault.child("abort")
    if abort is None or abort.has("http2Error"):
        return None
    http_status = abort.integer("httpStatus", None)
    if http_status is not None and not 200 <= http_status <= 599:
        abort.error("httpStatus", "must be an HTTP status from 200 to 599", "out-of-range")
    grpc_status = abort.parsed("grpcStatus", parse_grpc_status, None)
    if http_status is None and not abort.text("grpcStatus"):
        abort.error((), "one of httpStatus, grpcStatus is required", "missing-field")
    if not abort.has("percentage"):
        abort.warning("percentage", "is not given: no request is aborted", "no-effect")
    return FaultAbort(http_status, grpc_status, parse_percentage(abort, "percentage", _NOTHING))


def parse_mirrors(rule: Reader, scope: Scope) -> tuple[HTTPMirrorPolicy, ...]:
    """``mirrors``, or the older ``mirror`` with its percentage."""
    mirror = rule.child("mirror")
    if mirror is None:
        return tuple(_mirror_policy(policy, scope) for policy in rule.items("mirrors"))
    if rule.items("mirrors"):
        rule.error("mirrors", "cannot be given together with mirror", "conflicting-fields")
    return (HTTPMirrorPolicy(parse_destination(mirror, scope), _mirror_percentage(rule)),)


def _mirror_policy(policy: Reader, scope: Scope) -> HTTPMirrorPolicy:
    destination = parse_destination(policy.section("destination"), scope)
    return HTTPMirrorPolicy(destination, parse_percentage(policy, "percentage", _EVERYTHING))


def _mirror_percentage(rule: Reader) -> float:
    for name in ("mirrorPercent", "mirror_percent"):
        whole = parse_whole_percentage(rule, name)
        if whole is not None and not rule.has("mirrorPercentage"):
            return float(whole)
    return parse_percentage(rule, "mirrorPercentage", _EVERYTHING)


def parse_cors_policy(rule: Reader) -> CorsPolicy | None:
    """``corsPolicy``; None if absent. The older allowOrigin holds where allowOrigins is not given."""
    cors = rule.child("corsPolicy")
    if cors is None:
        return None
    origins = tuple(parse_string_match(origin) for origin in cors.items("allowOrigins"))
    older = tuple(StringMatch(MatchKind.EXACT, origin) for origin in cors.strings("allowOrigin"))
    max_age = cors.duration("maxAge")
    if max_age is not None and max_age % timedelta(seconds=1):
        cors.error("maxAge", "must be whole seconds", "invalid-value")
    return CorsPolicy(
        allow_origins=origins or older,
        allow_methods=cors.strings("allowMethods"),
        allow_headers=cors.strings("allowHeaders"),
        expose_headers=cors.strings("exposeHeaders"),
        max_age=max_age,
        allow_credentials=cors.flag("allowCredentials", None),
        forward_unmatched_preflights=_FORWARDS[cors.text("unmatchedPreflights", "UNSPECIFIED")],
    )
