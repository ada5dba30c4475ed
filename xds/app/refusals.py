"""What is refused before it is sent, by proxy, and as findings about the objects behind it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from xds.model.diagnostic import Diagnostic, Severity
from xds.model.objects import ObjectKey, Origin, mentioned_first
from xds.resources import Resource

CODE = "refused-by-envoy"

_MAX_PROXIES = 1000
"""Proxies that are remembered, those that have gone included: what they would be refused stays a finding."""
_MAX_BLAMED = 10
_NO_OBJECT = Origin("translators", 0)
"""What is made from no object has no place in a file."""

Locate = Callable[[ObjectKey], Origin | None]


class Refusal(NamedTuple):
    """A resource that Envoy does not accept, and why, in its words."""

    resource: Resource
    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal that stands for a proxy, since epoch seconds ``at``.

    blamed: the objects whose change brought it; empty if that is not known.
    """

    resource: Resource
    reason: str
    blamed: tuple[ObjectKey, ...]
    at: float

    @property
    def suspects(self) -> tuple[ObjectKey, ...]:
        """The blamed objects, or else all that the resource was made from, those first that the reason mentions."""
        return self.blamed or tuple(mentioned_first(self.resource.origins, self.reason))


class Refusals:
    """Everything that is refused now."""

    def __init__(self, locate: Locate) -> None:
        self._locate = locate
        self._by_proxy: OrderedDict[str, tuple[Refused, ...]] = OrderedDict()

    def stand(self, proxy_id: str, refused: tuple[Refused, ...]) -> bool:
        """These stand for the proxy, and no others. Gives whether that is news."""
        before = self._by_proxy.pop(proxy_id, ())
        if refused:
            self._by_proxy[proxy_id] = refused
            if len(self._by_proxy) > _MAX_PROXIES:
                self._by_proxy.popitem(last=False)
        return refused != before

    def changed(self, keys: Collection[ObjectKey], connected: Collection[str]) -> None:
        """Objects changed: what they brought is forgotten for proxies that have gone, for whom nobody checks it."""
        for proxy_id in [proxy_id for proxy_id in self._by_proxy if proxy_id not in connected]:
            kept = (each for each in self._by_proxy[proxy_id] if not any(key in keys for key in each.suspects))
            self.stand(proxy_id, tuple(kept))

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """One for each blamed object, however many proxies there are; ordered by place."""
        found = {finding for refused in self._by_proxy.values() for each in refused for finding in self._findings(each)}
        return tuple(sorted(found, key=lambda finding: (finding.origin, finding.reason)))

    def _findings(self, refused: Refused) -> Iterator[Diagnostic]:
        resource, suspects = refused.resource, refused.suspects
        others = len(suspects) - 1
        made_from = "is made from this" if refused.blamed or not others else f"is made from this and {others} more"
        reason = (
            f"Envoy does not accept the {resource.type_url.rpartition('.')[2]} {resource.name}"
            f"{f', which {made_from}' if suspects else ''}: {refused.reason}; "
            "proxies keep the last one that it accepts"
        )
        for key in islice(suspects, _MAX_BLAMED if refused.blamed else 1):
            yield Diagnostic(Severity.ERROR, self._locate(key) or _NO_OBJECT, reason, key, code=CODE)
        if not suspects:
            yield Diagnostic(Severity.ERROR, _NO_OBJECT, reason, code=CODE)
