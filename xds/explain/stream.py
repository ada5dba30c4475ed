"""A connection, or a request on it, on its way through the filters that may refuse it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from xds.explain.request import Connection, Request

Metadata = Mapping[str, Mapping[str, object]]
"""By the name of who noted it: JSON objects (Envoy ``filter_metadata``)."""

NOTHING_NOTED: Final[Metadata] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Stream:
    """Everything that a filter can ask about.

    connection: as the filter chain has it: with a server name only if an inspector has seen it. encrypted: whether the
    chain ends TLS, without which a principal means nothing. request: None if the chain routes connections. remote: the
    client's address as far as the proxy believes what it is told; empty if it is not known, None if an extension finds
    it. noted: what filters have noted so far (Envoy's dynamic metadata). route: the metadata of the route that was
    taken. states: keys of the filter state that filters of the chain set.
    """

    connection: Connection
    encrypted: bool = False
    request: Request | None = None
    remote: str | None = ""
    noted: Metadata = field(default_factory=lambda: NOTHING_NOTED)
    route: Metadata = field(default_factory=lambda: NOTHING_NOTED)
    states: frozenset[str] = frozenset()

    @property
    def of_request(self) -> Request:
        """The request. Raises TypeError for a connection."""
        if self.request is None:
            raise TypeError("a connection has no request")
        return self.request

    def with_note(self, filter_: str, note: Mapping[str, object]) -> Stream:
        """The same after a filter has noted something; what it noted before stays."""
        if not note:
            return self
        return replace(self, noted={**self.noted, filter_: {**self.noted.get(filter_, {}), **note}})
