"""Under which further names resources are asked for.

An alias of a virtual host is ``route/domain``, and its domain may be a wildcard, as in Envoy's ``VirtualHost.domains``:
``*.example.com``, ``example.*`` or ``*``. Of several that match a name, the literal one counts, then the longest of
the first form, the longest of the second, and ``*``.
"""

from __future__ import annotations

from collections.abc import Iterable

from xds.resources.resource import Resource

_ANY = "*"


class Aliases:
    """The aliases of some resources; of an alias that two have, the first counts."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._literal: dict[str, str] = {}
        self._wild: dict[str, list[tuple[str, str]]] = {}
        for resource in resources:
            for alias in resource.aliases:
                self._add(alias, resource.name)
        for patterns in self._wild.values():
            patterns.sort(key=lambda pattern: _precedence(pattern[0]))

    def find(self, asked: str) -> str | None:
        """The name of the resource that this is an alias of."""
        found = self._literal.get(asked)
        if found is not None:
            return found
        route, _, host = asked.rpartition("/")
        return next((name for pattern, name in self._wild.get(route, ()) if _matches(pattern, host)), None)

    def _add(self, alias: str, name: str) -> None:
        route, _, domain = alias.rpartition("/")
        if domain.startswith(_ANY) or domain.endswith(_ANY):
            self._wild.setdefault(route, []).append((domain, name))
        else:
            self._literal.setdefault(alias, name)


def _precedence(pattern: str) -> tuple[bool, bool, int]:
    return pattern == _ANY, pattern.endswith(_ANY), -len(pattern)


def _matches(pattern: str, host: str) -> bool:
    """A wildcard stands for at least one character."""
    if len(host) < len(pattern):
        return False
    return host.endswith(pattern[1:]) if pattern.startswith(_ANY) else host.startswith(pattern[:-1])
