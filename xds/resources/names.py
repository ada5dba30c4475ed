"""Names of the form ``xdstp://authority/type/path?key=value&...``, which are compared by meaning, not by their text.

The order of context parameters means nothing, so they are sorted. A path that ends in ``/*`` is a glob collection: all
resources whose path has one more segment there, with the same authority, type and parameters. Any other name is what
it is. Source: the xDS transport specification, "xdstp URIs".
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import NamedTuple

_SCHEME = "xdstp:"
_GLOB = "/*"


def canonical(name: str) -> str:
    """The one form of all names that mean the same."""
    if not name.startswith(_SCHEME) or "?" not in name:
        return name
    path, _, rest = name.partition("?")
    query, mark, directives = rest.partition("#")
    parameters = "&".join(sorted(filter(None, query.split("&"))))
    return f"{path}?{parameters}{mark}{directives}" if parameters else f"{path}{mark}{directives}"


def is_glob(name: str) -> bool:
    """Whether this canonical name is of a glob collection."""
    return name.startswith(_SCHEME) and name.partition("?")[0].endswith(_GLOB)


def collection_of(name: str) -> str | None:
    """The glob collection that a resource of this canonical name is in; None if it cannot be in any."""
    if not name.startswith(_SCHEME):
        return None
    path, mark, parameters = name.partition("?")
    return f"{path.rpartition('/')[0]}{_GLOB}{mark}{parameters}"


class Names(NamedTuple):
    """Canonical names, each once, in the order given; and those of them that are of glob collections."""

    unique: dict[str, None]
    globs: frozenset[str]


def canonical_names(names: Iterable[str]) -> Names:
    """Of very many names that are not of this form none is looked into by itself.

    Each is one string for all who name it: streams ask for the same names by the hundred.
    """
    unique = dict.fromkeys(map(sys.intern, names))
    if _SCHEME not in "\n".join(unique):
        return Names(unique, frozenset())
    unique = dict.fromkeys(map(canonical, unique))
    return Names(unique, frozenset(filter(is_glob, unique)))
