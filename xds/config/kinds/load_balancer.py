"""Istio ``LoadBalancerSettings``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from xds.config.kinds.durations import parse_non_negative_duration
from xds.config.kinds.header_names import parse_readable_header_name
from xds.config.kinds.locality import parse_load_balancer_locality
from xds.config.reader import Reader
from xds.model.policy import (
    ConsistentHashLB,
    CookieAttribute,
    HashAlgorithm,
    HTTPCookie,
    LoadBalancerSettings,
    SimpleLB,
    Warmup,
)

HONOURED_LOAD_BALANCER: Final = (
    "simple warmupDurationSecs warmup.duration warmup.minimumPercent warmup.aggression"
    " consistentHash.httpHeaderName consistentHash.useSourceIp consistentHash.httpQueryParameterName"
    " consistentHash.httpCookie.name consistentHash.httpCookie.path consistentHash.httpCookie.ttl"
    " consistentHash.httpCookie.attributes.name consistentHash.httpCookie.attributes.value"
    " consistentHash.minimumRingSize consistentHash.ringHash.minimumRingSize consistentHash.maglev.tableSize"
)
"""The honoured fields of a load balancer, for a kind's list."""

_KEYS: Final = ("httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName")
_RENAMED: Final = {"LEAST_CONN": "LEAST_REQUEST"}
_CAN_WARM_UP: Final = frozenset({SimpleLB.UNSPECIFIED, SimpleLB.LEAST_REQUEST, SimpleLB.ROUND_ROBIN})
_MAX_RING: Final = 8 * 1024 * 1024
_MAX_TABLE: Final = 5_000_011


def parse_load_balancer(policy: Reader) -> LoadBalancerSettings | None:
    """``loadBalancer`` of a traffic policy; None if absent."""
    balancer = policy.child("loadBalancer")
    if balancer is None:
        return None
    name = balancer.text("simple", "UNSPECIFIED")
    settings = LoadBalancerSettings(
        simple=SimpleLB(_RENAMED.get(name, name)),
        consistent_hash=_consistent_hash(balancer),
        warmup=_warmup(balancer),
        locality=parse_load_balancer_locality(balancer),
    )
    if settings.warmup and (settings.consistent_hash or settings.simple not in _CAN_WARM_UP):
        field = "warmup" if balancer.has("warmup") else "warmupDurationSecs"
        balancer.warning(field, "only works with LEAST_REQUEST and ROUND_ROBIN", "no-effect")
    return settings


def _consistent_hash(balancer: Reader) -> ConsistentHashLB | None:
    hashing = balancer.child("consistentHash")
    if hashing is None:
        return None
    if not any(hashing.raw_value(key) for key in _KEYS):
        hashing.error((), f"one of {', '.join(_KEYS)} is required", "missing-field")
    header = hashing.text("httpHeaderName")
    return ConsistentHashLB(
        http_header_name=parse_readable_header_name(hashing, ("httpHeaderName",), header) if header else "",
        http_cookie=_cookie(hashing),
        use_source_ip=hashing.flag("useSourceIp"),
        http_query_parameter_name=hashing.text("httpQueryParameterName"),
        algorithm=HashAlgorithm.MAGLEV if hashing.has("maglev") else HashAlgorithm.RING_HASH,
        size=_table_size(hashing) if hashing.has("maglev") else _ring_size(hashing),
    )


def _cookie(hashing: Reader) -> HTTPCookie | None:
    cookie = hashing.child("httpCookie")
    if cookie is None:
        return None
    if not cookie.text("name"):
        cookie.error("name", "must not be empty", "missing-field")
    return HTTPCookie(
        name=cookie.text("name"),
        path=cookie.text("path"),
        ttl=cookie.parsed("ttl", parse_non_negative_duration, None),
        attributes=tuple(map(_attribute, cookie.items("attributes"))),
    )


def _attribute(reader: Reader) -> CookieAttribute:
    """Envoy writes both into a header as they are."""
    if not reader.text("name"):
        reader.error("name", "must not be empty", "missing-field")
    return CookieAttribute(reader.parsed("name", _part("=;"), ""), reader.parsed("value", _part(";"), ""))


def _part(separators: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not text.isprintable() or any(separator in text for separator in separators):
            raise ValueError(f"{text!r} cannot be part of a cookie's attribute")
        return text

    return parse


def _ring_size(hashing: Reader) -> int | None:
    ring = hashing.child("ringHash")
    reader = hashing if ring is None else ring
    size = reader.integer("minimumRingSize") or None
    if size is not None and size > _MAX_RING:
        reader.error("minimumRingSize", f"must be at most {_MAX_RING}", "out-of-range")
    return size


def _table_size(hashing: Reader) -> int | None:
    maglev = hashing.section("maglev")
    size = maglev.integer("tableSize") or None
    if size is not None and (size > _MAX_TABLE or not _is_prime(size)):
        maglev.error("tableSize", f"must be a prime number of at most {_MAX_TABLE}", "out-of-range")
    return size


def _is_prime(number: int) -> bool:
    return number > 1 and all(number % divisor for divisor in range(2, int(number**0.5) + 1))


def _warmup(balancer: Reader) -> Warmup | None:
    warmup = balancer.child("warmup")
    if warmup is None:
        older = balancer.duration("warmupDurationSecs")
        return None if older is None else Warmup(older)
    aggression = warmup.number("aggression", None)
    if aggression == 0:
        warmup.error("aggression", "must be greater than 0", "out-of-range")
    return Warmup(
        duration=warmup.duration("duration", timedelta()),
        minimum_percent=warmup.number("minimumPercent", None),
        aggression=aggression,
    )
