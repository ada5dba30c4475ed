"""What to capture, in the words of Istio's annotations ``traffic.sidecar.istio.io/...``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_network
from typing import Final

from xds.agent.capture.settings import EVERY, CaptureSettings, Every, Network

ANNOTATION_PREFIX: Final = "traffic.sidecar.istio.io/"

_HIGHEST_PORT: Final = 65535
_INTERFACE: Final = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.@:-]{0,14}\+?")
"""As the kernel takes names of interfaces, and netfilter a ``+`` for any that begin so."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing that somebody asks for. name: as Istio's annotation has it, such as ``excludeInboundPorts``."""

    name: str
    value: str


def parse_annotation(text: str) -> Wanted:
    """``[traffic.sidecar.istio.io/]NAME=VALUE``. Raises ValueError."""
    key, equals, value = text.partition("=")
    name = key.strip().removeprefix(ANNOTATION_PREFIX)
    if not equals:
        raise ValueError(f"{text!r} is not NAME=VALUE")
    if name not in _READERS:
        raise ValueError(f"{name!r} is none of {', '.join(sorted(_READERS))}")
    return Wanted(name, value)


def wanted(settings: CaptureSettings, asked: Iterable[Wanted]) -> CaptureSettings:
    """``settings`` with what is asked for; of two for one thing the later counts.

    Raises ValueError, which names the annotation, for a value that cannot be read.
    """
    for each in asked:
        try:
            settings = _READERS[each.name](settings, each.value)
        except ValueError as error:
            raise ValueError(f"{each.name}: {error}") from error
    return settings


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _port(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 0 < int(text) <= _HIGHEST_PORT:
        raise ValueError(f"{text!r} is no port: a number from 1 to {_HIGHEST_PORT}")
    return int(text)


def _ports(text: str) -> tuple[int, ...]:
    return tuple(sorted(set(map(_port, _items(text)))))


def _ports_or_every(text: str) -> tuple[int, ...] | Every:
    return EVERY if text.strip() == EVERY.value else _ports(text)


def _ranges(text: str) -> tuple[Network, ...]:
    return tuple(dict.fromkeys(map(_range, _items(text))))


def _range(text: str) -> Network:
    try:
        return ip_network(text, strict=False)
    except ValueError as error:
        raise ValueError(f"{text!r} is neither an address nor a range like 10.0.0.0/8") from error


def _ranges_or_every(text: str) -> tuple[Network, ...] | Every:
    return EVERY if text.strip() == EVERY.value else _ranges(text)


def _interfaces(text: str) -> tuple[str, ...]:
    names = tuple(_items(text))
    for name in names:
        if not _INTERFACE.fullmatch(name):
            raise ValueError(f"{name!r} cannot be the name of a network interface")
    return names


_READERS: Final[Mapping[str, Callable[[CaptureSettings, str], CaptureSettings]]] = {
    "includeInboundPorts": lambda old, text: replace(old, include_inbound_ports=_ports_or_every(text)),
    "excludeInboundPorts": lambda old, text: replace(old, exclude_inbound_ports=_ports(text)),
    "includeOutboundPorts": lambda old, text: replace(old, include_outbound_ports=_ports_or_every(text)),
    "excludeOutboundPorts": lambda old, text: replace(old, exclude_outbound_ports=_ports(text)),
    "includeOutboundIPRanges": lambda old, text: replace(old, include_outbound_ip_ranges=_ranges_or_every(text)),
    "excludeOutboundIPRanges": lambda old, text: replace(old, exclude_outbound_ip_ranges=_ranges(text)),
    "excludeInterfaces": lambda old, text: replace(old, exclude_interfaces=_interfaces(text)),
}
