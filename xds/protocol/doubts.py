"""What clients may have without saying so when they come again.

A delta client that reconnects lists what it has. Envoy lists only what it accepted: of a response that it rejected it
may have applied a part, and of one that was on its way when the stream ended nobody knows. So these are remembered
beyond the stream: the next one of the same node sends such a resource again, or its removal, whatever the client
lists. Bounded: what is forgotten may stay with a client, unused.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from xds.protocol.framing import Batch
from xds.resources import TypeUrl

Contents = tuple[tuple[str, str], ...]
"""Names and versions that a client may have. An empty version: one that it never lists, having rejected it."""

MAX_NODES = 1024
MAX_CONTENTS = 4096
"""Of one node and type."""


class Doubts:
    """One for all streams of a server."""

    def __init__(self, max_nodes: int = MAX_NODES) -> None:
        self._max_nodes = max_nodes
        self._nodes: OrderedDict[str, dict[TypeUrl, Contents]] = OrderedDict()

    def of(self, node: str) -> NodeDoubts:
        """Those about one node, by its id."""
        return NodeDoubts(self, node)

    def get(self, node: str, type_url: TypeUrl) -> Contents:
        return self._nodes[node].get(type_url, ()) if node in self._nodes else ()

    def set(self, node: str, type_url: TypeUrl, contents: Contents) -> None:
        by_type = self._nodes.setdefault(node, {})
        self._nodes.move_to_end(node)
        by_type[type_url] = contents[:MAX_CONTENTS]
        if not any(by_type.values()):
            del self._nodes[node]
        if len(self._nodes) > self._max_nodes:
            self._nodes.popitem(last=False)

    def __len__(self) -> int:
        """The number of nodes."""
        return len(self._nodes)


class NodeDoubts:
    """The doubts about one node."""

    __slots__ = ("_all", "_node")

    def __init__(self, doubts: Doubts, node: str) -> None:
        self._all = doubts
        self._node = node

    def names(self, type_url: TypeUrl, listed: Mapping[str, str]) -> frozenset[str]:
        """What it may have of this type in another version than it lists, or although it does not list it."""
        contents = self._all.get(self._node, type_url)
        return frozenset(name for name, version in contents if listed.get(name) != version)

    def add(self, type_url: TypeUrl, contents: Contents) -> None:
        """It may have these. The tuple is kept: let it be shared."""
        known = self._all.get(self._node, type_url)
        if contents:
            self._all.set(self._node, type_url, tuple(dict.fromkeys((*contents, *known))) if known else contents)

    def settle(self, type_url: TypeUrl, batch: Batch) -> None:
        """It has accepted a response."""
        known = self._all.get(self._node, type_url)
        if known:
            certain = {*(each.name for each in batch.resources), *batch.removed}
            self._all.set(self._node, type_url, tuple(each for each in known if each[0] not in certain))
