"""The small languages inside strings: durations, percentages, ports, addresses, host names.

Every function raises ValueError with a message that can be shown to the user as it is.
"""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

IPAddress: TypeAlias = IPv4Address | IPv6Address
IPNetwork: TypeAlias = IPv4Network | IPv6Network

MAX_DURATION: Final = timedelta(seconds=315_576_000_000)

_SIMPLE_DURATION = re.compile(r"([0-9]{1,9})(ms|s|m|h)")
_DURATION = re.compile(r"([-+]?)((?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+)", re.ASCII)
_DURATION_PART = re.compile(r"([0-9.]+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_SIMPLE_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
}
_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # Go accepts both the micro sign
    "μs": 1_000,  # and the Greek letter
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
_HOST_LABEL = re.compile(r"[a-zA-Z0-9_](?:[-a-zA-Z0-9_]{0,61}[a-zA-Z0-9_])?")
_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)%?")


def parse_duration(text: str) -> timedelta:
    """A duration as Go and protobuf's JSON write it: ``1.5s``, ``100ms``, ``1h2m``, ``0``.

    Rounded down to whole microseconds. Bounded as protobuf's Duration, by :data:`MAX_DURATION` either way.
    """
    simple = _SIMPLE_DURATION.fullmatch(text)
    if simple:
        return _bounded(int(simple[1]) * _SIMPLE_UNITS[simple[2]], text)
    if text in ("0", "+0", "-0"):
        return timedelta()
    found = _DURATION.fullmatch(text)
    if found is None or len(text) > 100:
        raise ValueError(f"{_quoted(text)} is not a duration: write a number with a unit, such as 1.5s, 100ms or 1h2m")
    nanoseconds = sum(Decimal(number) * _NANOSECONDS[unit] for number, unit in _DURATION_PART.findall(found[2]))
    microseconds = int(nanoseconds / 1000)
    if microseconds > MAX_DURATION // timedelta(microseconds=1):
        raise ValueError(f"the duration {_quoted(text)} is longer than 10,000 years")
    return timedelta(microseconds=-microseconds if found[1] == "-" else microseconds)


def _bounded(duration: timedelta, text: str) -> timedelta:
    if duration > MAX_DURATION:
        raise ValueError(f"the duration {_quoted(text)} is longer than 10,000 years")
    return duration


def format_duration(duration: timedelta) -> str:
    """A duration as protobuf's JSON writes it: ``1.500s``, with 0, 3 or 6 decimals."""
    microseconds = duration // timedelta(microseconds=1)
    sign, (seconds, rest) = "-" if microseconds < 0 else "", divmod(abs(microseconds), 1_000_000)
    if not rest:
        return f"{sign}{seconds}s"
    return f"{sign}{seconds}.{rest // 1000:03}s" if rest % 1000 == 0 else f"{sign}{seconds}.{rest:06}s"


def parse_percent(value: object) -> float:
    """A percentage from 0 to 100, given as a number or as text with or without ``%``."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("must be a percentage from 0 to 100")
    if isinstance(value, str):
        found = _PERCENT.fullmatch(value.strip())
        if found is None:
            raise ValueError(f"{_quoted(value)} is not a percentage from 0 to 100")
        value = float(found[1])
    if not 0 <= value <= 100:
        raise ValueError(f"{value:g}% is not from 0 to 100")
    return float(value)


def parse_port(value: object) -> int:
    """A port number from 1 to 65535, given as an integer or as its decimal digits."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 6:
        value = int(value)
    if type(value) is not int or not 1 <= value <= 65535:
        raise ValueError(f"{_quoted(value)} is not a port number from 1 to 65535")
    return value


def parse_port_or_name(value: object) -> int | str:
    """A Kubernetes IntOrString port: a number, or the name of a container's port (RFC 6335, at most 15 characters)."""
    if isinstance(value, str) and not value.isdigit():
        if len(value) <= 15 and _LABEL.fullmatch(value) and "--" not in value:
            return value
        raise ValueError(f"{_quoted(value)} is not a port's number or name")
    return parse_port(value)


def parse_ip(text: str) -> IPAddress:
    """An IPv4 or IPv6 address."""
    try:
        return ip_address(text)
    except ValueError:
        raise ValueError(f"{_quoted(text)} is not an IP address") from None


def parse_cidr(text: str) -> IPNetwork:
    """An IP prefix such as ``10.0.0.0/8``, or a single address. Bits beyond the prefix are cleared, as Envoy does."""
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"{_quoted(text)} is not an IP address or a CIDR prefix such as 10.0.0.0/8") from None


def is_ip(text: str) -> bool:
    """True if ``text`` is an IPv4 or IPv6 address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def parse_host(text: str) -> str:
    """A DNS name, in lower case; ``*`` and a first label of ``*`` (``*.example.com``) are allowed.

    Underscores are allowed, as real names have them. A final dot is not: Envoy would never match it.
    """
    rest = text.removeprefix("*.") if text != "*" else ""
    if not rest and text == "*":
        return text
    if not rest or len(text) > 253 or not all(_HOST_LABEL.fullmatch(label) for label in rest.split(".")):
        raise ValueError(f"{_quoted(text)} is not a host name such as reviews, api.example.com or *.example.com")
    return text.lower()


def parse_exact_host(text: str) -> str:
    """A DNS name without wildcards, in lower case."""
    if "*" in text:
        raise ValueError(f"{_quoted(text)}: a wildcard is not allowed here")
    return parse_host(text)


def parse_namespaced_host(text: str, default_namespace: str = "*") -> tuple[str, str]:
    """``namespace/host`` as in Sidecar egress and Gateway servers, to (namespace, host).

    The namespace is a name, ``*`` (any), ``.`` (its own) or ``~`` (none); without one it is ``default_namespace``.
    """
    namespace, slash, host = text.rpartition("/")
    if not slash:
        return default_namespace, parse_host(text)
    if namespace not in ("*", ".", "~") and not _LABEL.fullmatch(namespace):
        raise ValueError(f"{_quoted(text)}: before '/' a namespace, '*', '.' or '~' is needed")
    return namespace, parse_host(host)


def parse_dns_label(text: str) -> str:
    """An RFC 1123 label: what Kubernetes allows as a namespace."""
    if not _LABEL.fullmatch(text):
        raise ValueError(f"{_quoted(text)} must be at most 63 lower-case letters, digits and '-', not at either end")
    return text


def parse_dns_subdomain(text: str) -> str:
    """An RFC 1123 subdomain: what Kubernetes allows as an object's name."""
    if len(text) > 253 or not all(_LABEL.fullmatch(label) for label in text.split(".")):
        raise ValueError(f"{_quoted(text)} must be lower-case letters, digits, '-' and '.', at most 253 characters")
    return text


def _quoted(value: object) -> str:
    text = repr(value[:70]) if isinstance(value, str) else str(value)
    return text if len(text) <= 70 else text[:66] + "..."
