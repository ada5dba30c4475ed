"""Prometheus metrics, under istiod's names where it has one."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from xds import __version__
from xds.app.store import Publication
from xds.model.diagnostic import Severity
from xds.protocol.events import Effect, Nacked, Send, Settled
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


def short_name(type_url: TypeUrl) -> str:
    """``cds``, ``eds`` and so on; the message's name for a type that has none."""
    message = type_url.rpartition(".")[2]
    return _SHORT_NAMES.get(message, message)


class Metrics:
    """What is counted. A `StatusListener` for the streams.

    published: gives the newest publication, against whose time convergence is measured.
    """

    def __init__(self, registry: CollectorRegistry, published: Callable[[], Publication | None]) -> None:
        self._published = published
        self._converged: dict[int, int] = {}
        info = Gauge("pilothouse_build_info", "1, with the version as a label.", ["version"], registry=registry)
        info.labels(__version__).set(1)
        self._streams = Gauge("pilot_xds", "Proxies connected over xDS.", registry=registry)
        self._pushes = Counter("pilot_xds_pushes", "Responses sent.", ["type"], registry=registry)
        self._rejects = Counter(
            "pilot_total_xds_rejects", "Responses that a proxy rejected.", ["type"], registry=registry
        )
        self._convergence = Histogram(
            "pilot_proxy_convergence_time",
            "Seconds from a change being in force here to a proxy having accepted all of it.",
            registry=registry,
            buckets=_BUCKETS,
        )
        self._generation = Counter("pilothouse_publications", "Batches of changes put in force.", registry=registry)
        self._objects = Gauge("pilothouse_config_objects", "Objects in force.", registry=registry)
        self._findings = Gauge("pilothouse_config_findings", "Diagnostics now.", ["severity"], registry=registry)

    def configured(self, publication: Publication, objects: int) -> None:
        """A batch of changes was put in force. objects: how many there are now."""
        self._generation.inc()
        self._objects.set(objects)
        for severity in Severity:
            count = sum(1 for diagnostic in publication.diagnostics if diagnostic.severity is severity)
            self._findings.labels(severity.value).set(count)

    def opened(self, stream: StreamStatus) -> None:
        """A stream has begun."""
        self._streams.inc()

    def closed(self, stream: StreamStatus) -> None:
        """A stream has ended."""
        self._streams.dec()
        self._converged.pop(id(stream), None)

    def happened(self, stream: StreamStatus, effect: Effect, at: float) -> None:
        """Something was sent or answered."""
        match effect:
            case Send():
                self._pushes.labels(short_name(effect.type_url)).inc()
            case Nacked():
                self._rejects.labels(short_name(effect.type_url)).inc()
            case Settled():
                self._settled(stream, at)
            case _:
                pass

    def _settled(self, stream: StreamStatus, at: float) -> None:
        """Once for each publication; a stream that began after it tells nothing about how fast changes travel."""
        publication = self._published()
        if publication is None or self._converged.get(id(stream)) == publication.generation:
            return
        self._converged[id(stream)] = publication.generation
        if stream.connected_at <= publication.at:
            self._convergence.observe(at - publication.at)
