"""What the log says about clients: each thing once in a while, however often it happens.

A client that misbehaves does so again and again, and reconnects to do it. So a source (an address, a proxy) is heard
out once about each thing within a period, and about a limited number of things; what is left out is counted, and the
count is given with the next line. The memory is bounded whatever clients make up.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field

import structlog

from xds.model.objects import ObjectKey, Origin, mentioned_first
from xds.protocol import Nacked
from xds.resources import TypeUrl
from xds.server.status import StreamStatus

Locate = Callable[[ObjectKey], Origin | None]
"""Where an object was written; None if it is not known any more."""

PERIOD = 300.0
"""Seconds for which a source is not heard about the same thing again."""

_MAX_SOURCES = 1024
_MAX_THINGS = 20
_MAX_RESOURCES = 10
_MAX_OBJECTS = 20
_MAX_CHARACTERS = 1024


@dataclass(slots=True)
class _Source:
    until: float
    said: set[int] = field(default_factory=set)
    left_out: int = 0


class Once:
    """Decides what is said. clock: gives seconds."""

    def __init__(self, clock: Callable[[], float], period: float = PERIOD) -> None:
        self._clock = clock
        self._period = period
        self._sources: OrderedDict[str, _Source] = OrderedDict()

    def allows(self, source: str, *thing: Hashable) -> int | None:
        """Whether to say this of the source now: how much about it was left out before, or None if not to."""
        now = self._clock()
        known = self._sources.get(source)
        if known is None or now >= known.until:
            left_out = known.left_out if known else 0
            known = self._sources[source] = _Source(now + self._period)
        else:
            left_out = 0
        self._sources.move_to_end(source)
        if len(self._sources) > _MAX_SOURCES:
            self._sources.popitem(last=False)
        key = hash(thing)
        if key in known.said or len(known.said) >= _MAX_THINGS:
            known.left_out += 1
            return None
        known.said.add(key)
        return left_out


class Reports:
    """Says what there is to say about clients. locate: where an object was written."""

    def __init__(self, once: Once, locate: Locate) -> None:
        self._once = once
        self._locate = locate
        self._log = structlog.get_logger("xds.server")

    def no_handshake(self, peer: str, reason: str) -> None:
        """A connection ended before TLS was agreed on, or because of what the client showed."""
        text = shortened(reason)
        self._warn(host(peer), ("TLS", text), "a TLS handshake failed", peer=peer, reason=text)

    def refused(self, peer: str, method: str, reason: str) -> None:
        """A stream was ended because of what the client said."""
        text = shortened(reason)
        self._warn(host(peer), (method, text), "a stream was refused", peer=peer, method=method, reason=text)

    def failed(self, peer: str, method: str, error: Exception) -> None:
        """A defect of ours ended a stream."""
        left_out = self._once.allows(host(peer), method, type(error).__name__, str(error))
        if left_out is not None:
            self._log.error("a stream ended with a failure", peer=peer, method=method, exc_info=error)

    def unknown_type(self, status: StreamStatus, type_url: TypeUrl) -> None:
        """The client asked for a type that is not one of Envoy's."""
        self._of(status, type_url, "the proxy asks for a type that nobody knows", type=type_url)

    def unread(self, status: StreamStatus, seconds: float) -> None:
        """The client has not read what was written to it."""
        self._of(status, "unread", "the proxy does not read what it is sent", seconds=seconds)

    def unanswered(self, status: StreamStatus, types: Iterable[TypeUrl], seconds: float) -> None:
        """The client neither accepted nor rejected responses."""
        short = sorted(map(_short, types))
        text = "the proxy has not answered; going on without"
        self._of(status, ("unanswered", *short), text, types=short, seconds=seconds)

    def rejected(self, status: StreamStatus, nacked: Nacked) -> None:
        """The client rejected a response; told with what stands behind the resources in it."""
        suspects = nacked.suspects[:_MAX_RESOURCES]
        origins = mentioned_first((key for each in suspects for key in each.origins), nacked.error.message)
        self._of(
            status,
            (nacked.type_url, nacked.error.message),
            "the proxy rejected its configuration",
            type=_short(nacked.type_url),
            reason=nacked.error.message,
            resources=[resource.name for resource in suspects],
            objects=[self._describe(key) for key in origins[:_MAX_OBJECTS]],
        )

    def _of(self, status: StreamStatus, thing: Hashable, event: str, **details: object) -> None:
        self._warn(status.proxy.id, thing, event, proxy=str(status.proxy), peer=status.peer, **details)

    def _warn(self, source: str, thing: Hashable, event: str, **details: object) -> None:
        left_out = self._once.allows(source, event, thing)
        if left_out is None:
            return
        if left_out:
            details["left_out"] = left_out
        self._log.warning(event, **details)

    def _describe(self, key: ObjectKey) -> str:
        origin = self._locate(key)
        return f"{key} ({origin})" if origin else str(key)


def host(peer: str) -> str:
    """gRPC's name of a peer, ``ipv4:127.0.0.1:4711``, without the port: the same after a reconnect."""
    return peer.rpartition(":")[0] or peer


def shortened(reason: str) -> str:
    """A text that may quote a client, no longer than a log line or a trailer may be."""
    return reason if len(reason) <= _MAX_CHARACTERS else f"{reason[:_MAX_CHARACTERS]}..."


def _short(type_url: TypeUrl) -> str:
    return type_url.rpartition(".")[2]
