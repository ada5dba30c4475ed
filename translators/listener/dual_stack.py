"""Listeners of proxies that have an address of IPv6 are bound there as well (``Listener.additional_addresses``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from xds.model.view import ProxyView
from xds.pipeline.contribution import ListenerPart
from xds.pipeline.memo import Memo


def dual_stack(parts: Iterable[ListenerPart], view: ProxyView, memo: Memo) -> Iterator[ListenerPart]:
    """``parts`` as they are for this proxy: most have nothing but IPv4."""
    return (memo(_on_both, part) if part.on_ipv6 else part for part in parts) if view.key.ipv6 else iter(parts)


def _on_both(part: ListenerPart) -> ListenerPart:
    return replace(part, body=part.body + part.on_ipv6)
