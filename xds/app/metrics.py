"""Prometheus metrics, under istiod's names where it has one, and with its meaning."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from xds import __version__
from xds.app.convergence_change import Rejection
from xds.app.store import Publication
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.objects import ObjectKey
from xds.protocol import Acked, Effect, Nacked, Send
from xds.resources import TypeUrl
from xds.server import StreamStatus

_SHORT_NAMES = {
    "Cluster": "cds",
    "ClusterLoadAssignment": "eds",
    "Listener": "lds",
    "RouteConfiguration": "rds",
    "Secret": "sds",
    "Runtime": "rtds",
    "ScopedRouteConfiguration": "srds",
    "TypedExtensionConfig": "ecds",
    "VirtualHost": "vhds",
}
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_SHORT_BUCKETS = (0.0005, 0.001, 0.0025, *_BUCKETS)
_TRIGGERS = {
    "Service": "service",
    "Endpoints": "endpoint",
    "EndpointSlice": "endpoint",
    "Pod": "endpoint",
    "WorkloadEntry": "endpoint",
}
_COUNTED_REJECTS = ("cds", "eds", "lds", "rds")
_MAX_SUSPECTS = 10
_UNREAD = frozenset({"unreadable", "emptied-folder"})

MAX_NAMES = 100
OTHER = "other"


class Sum(Gauge):
    """A sum under a name of istiod's, which does not end in ``_total``; so Prometheus is not told that it is one."""

    _type = "unknown"


def short_name(type_url: TypeUrl) -> str:
    """``cds``, ``eds`` and so on; the message's name for a type that has none."""
    message = type_url.rpartition(".")[2]
    return _SHORT_NAMES.get(message, message)


def _label(type_url: TypeUrl) -> str:
    """The short name, or ``other``: clients make types up, and a metric must not grow with them."""
    return _SHORT_NAMES.get(type_url.rpartition(".")[2], OTHER)


class Bounded:
    """A counter by type and name, of so many names at most; those that come later are counted as ``other``."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._names: set[tuple[str, str]] = set()

    def add(self, type_: str, name: str) -> None:
        """One more."""
        if len(self._names) < MAX_NAMES:
            self._names.add((type_, name))
        self._counter.labels(type_, name if (type_, name) in self._names else OTHER).inc()


class _OfType(NamedTuple):
    """The metrics that are told apart by type, of one type."""

    pushes: Gauge
    answer: Histogram
    convergence: Histogram


class Metrics:
    """What is counted and timed: a `StatusListener` for the streams, and the `Measure` of convergence."""

    def __init__(self, registry: CollectorRegistry) -> None:
        info = Gauge("pilothouse_build_info", "1, with the version as a label.", ["version"], registry=registry)
        info.labels(__version__).set(1)
        self._streams = Gauge("pilot_xds", "Proxies connected over xDS.", registry=registry)
        self._pushes = Sum("pilot_xds_pushes", "Responses sent.", ["type"], registry=registry)
        self._rejects = Sum("pilot_total_xds_rejects", "Responses that a proxy rejected.", ["type"], registry=registry)
        self._rejects_of = {
            name: Sum(f"pilot_xds_{name}_reject", "Responses of this type that a proxy rejected.", registry=registry)
            for name in _COUNTED_REJECTS
        }
        self._triggers = Sum("pilot_push_triggers", "Changes put in force, by reason.", ["type"], registry=registry)
        self._generation = Counter("pilothouse_publications", "Batches of changes put in force.", registry=registry)
        self._objects = Gauge("pilothouse_config_objects", "Objects in force.", registry=registry)
        self._findings = Gauge("pilothouse_config_findings", "Diagnostics now.", ["severity"], registry=registry)
        self._unread = Gauge(
            "pilothouse_config_unread",
            "Files and folders of the configuration that cannot be read, or have lost every file: what was last read "
            "of them stays in force.",
            registry=registry,
        )
        self._declare_blame(registry)
        self._declare_times(registry)
        self._by_type: dict[TypeUrl, _OfType] = {}

    def _declare_blame(self, registry: CollectorRegistry) -> None:
        self._resource_rejects = Bounded(
            Counter(
                "pilothouse_resource_rejects",
                "Rejected responses, by the resource that the proxy named, or each that was new in it.",
                ["type", "resource"],
                registry=registry,
            )
        )
        self._object_rejects = Bounded(
            Counter(
                "pilothouse_object_rejects",
                "Changes that a proxy or the preflight rejected, by the object that brought what was rejected.",
                ["type", "object"],
                registry=registry,
            )
        )

    def _declare_times(self, registry: CollectorRegistry) -> None:
        def histogram(name: str, meaning: str, *labels: str, short: bool = False) -> Histogram:
            return Histogram(name, meaning, labels, registry=registry, buckets=_SHORT_BUCKETS if short else _BUCKETS)

        self._debounce = histogram(
            "pilot_debounce_time",
            "Seconds from the source seeing a change to its being in force: gathering, reading and folding it.",
            short=True,
        )
        self._compile = histogram(
            "pilothouse_compile_seconds",
            "Seconds to fold a change into the mesh, or to compile the snapshot of one view.",
            "stage",
            short=True,
        )
        self._queue = histogram(
            "pilot_proxy_queue_time", "Seconds from a change being in force to a stream taking it.", short=True
        )
        self._send = histogram(
            "pilot_xds_send_time", "Seconds to write a response: those that read slowly hold it up.", short=True
        )
        self._answer = histogram("pilothouse_ack_seconds", "Seconds from a response to its acceptance.", "type")
        self._type_convergence = histogram(
            "pilothouse_type_convergence_seconds",
            "Seconds from the source seeing a change to a proxy having accepted its part of one type.",
            "type",
        )
        self._convergence = histogram(
            "pilot_proxy_convergence_time",
            "Seconds from the source seeing a change to a proxy that it affects having accepted all of it.",
        )
        self._first_ack = histogram(
            "pilothouse_first_ack_seconds",
            "Seconds from the source seeing a change to the first proxy having accepted it, by type and of all types.",
            "type",
        )
        self._last_ack = histogram(
            "pilothouse_last_ack_seconds",
            "Seconds from the source seeing a change to the last proxy having accepted it, by type and of all types.",
            "type",
        )

    def configured(self, publication: Publication, objects: int) -> None:
        """A batch of changes was put in force. objects: how many there are now."""
        self._generation.inc()
        self._objects.set(objects)
        for reason in push_reasons(publication.changed):
            self._triggers.labels(reason).inc()

    def found(self, diagnostics: Collection[Diagnostic]) -> None:
        """What there is to say about the configuration now."""
        for severity in Severity:
            count = sum(1 for diagnostic in diagnostics if diagnostic.severity is severity)
            self._findings.labels(severity.value).set(count)
        self._unread.set(sum(1 for diagnostic in diagnostics if diagnostic.code in _UNREAD))

    def opened(self, stream: StreamStatus) -> None:
        """A stream has begun."""
        self._streams.inc()

    def closed(self, stream: StreamStatus) -> None:
        """A stream has ended."""
        self._streams.dec()

    def happened(self, stream: StreamStatus, effect: Effect, at: float) -> None:
        """Something was sent or answered."""
        match effect:
            case Send():
                self._of(effect.type_url).pushes.inc()
            case Acked():
                sent_at = stream.types[effect.type_url].sent_at
                if sent_at is not None:
                    self._of(effect.type_url).answer.observe(at - sent_at)
            case Nacked():
                self._rejected(_label(effect.type_url))
                for resource in effect.suspects[:_MAX_SUSPECTS]:
                    self._resource_rejects.add(_label(effect.type_url), resource.name)
            case _:
                pass

    def wrote(self, stream: StreamStatus, seconds: float) -> None:
        """A response has been written."""
        self._send.observe(seconds)

    def _rejected(self, name: str) -> None:
        self._rejects.labels(name).inc()
        if name in self._rejects_of:
            self._rejects_of[name].inc()

    def _of(self, type_url: TypeUrl) -> _OfType:
        """The metrics with the label of this type, looked up by label only once for the types that are known."""
        found = self._by_type.get(type_url)
        if found is None:
            label = _label(type_url)
            found = _OfType(
                self._pushes.labels(label), self._answer.labels(label), self._type_convergence.labels(label)
            )
            if label != OTHER:
                self._by_type[type_url] = found
        return found

    def published(self, waited: float, folded: float) -> None:
        """See `Measure`, as for the rest."""
        self._debounce.observe(waited)
        self._compile.labels("fold").observe(folded)

    def compiled(self, seconds: float) -> None:
        self._compile.labels("view").observe(seconds)

    def queued(self, seconds: float) -> None:
        self._queue.observe(seconds)

    def type_converged(self, type_url: TypeUrl, seconds: float) -> None:
        self._of(type_url).convergence.observe(seconds)

    def converged(self, seconds: float) -> None:
        self._convergence.observe(seconds)

    def finished(self, type_url: TypeUrl | None, first: float, last: float) -> None:
        label = "all" if type_url is None else _label(type_url)
        self._first_ack.labels(label).observe(first)
        self._last_ack.labels(label).observe(last)

    def rejected(self, rejection: Rejection) -> None:
        for changed in rejection.objects:
            self._object_rejects.add(_label(rejection.type_url), str(changed.key))


def push_reasons(changed: Iterable[ObjectKey]) -> frozenset[str]:
    """Why there is something to push, in istiod's terms: ``service``, ``endpoint`` or ``config``."""
    return frozenset(_TRIGGERS.get(key.kind, "config") for key in changed)
