"""The names and values that Prometheus sees."""

from __future__ import annotations

import re

from prometheus_client import CollectorRegistry, generate_latest

from tests.app.test_store import PROXY
from xds.app.convergence_change import Rejection
from xds.app.metrics import MAX_NAMES, OTHER, Metrics, push_reasons
from xds.app.store import ChangedObject
from xds.model.objects import ObjectKey
from xds.protocol import Acked, ErrorDetail, Nacked, Send, Variant
from xds.protocol.framing import SotwBatch
from xds.resources import ROUTE, Resource
from xds.server import StatusBoard


def test_responses_and_their_answers_are_counted_and_timed_by_type() -> None:
    registry = CollectorRegistry()
    now = 100.0
    board = StatusBoard(lambda: now, [Metrics(registry)])
    stream = board.opened(PROXY, "peer", Variant.SOTW)
    resources = (Resource.of(ROUTE, "http_proxy", b""),)
    board.happened(stream, Send("1", SotwBatch(ROUTE, resources), resources))
    board.wrote(stream, 0.004)
    now = 102.0
    board.happened(stream, Acked(ROUTE, "1", "v"))
    board.happened(stream, Nacked(ROUTE, "2", "v", ErrorDetail(13, "no"), resources))

    shown = generate_latest(registry).decode().splitlines()

    assert {
        "pilot_xds 1.0",
        'pilot_xds_pushes{type="rds"} 1.0',
        'pilot_total_xds_rejects{type="rds"} 1.0',
        "pilot_xds_rds_reject 1.0",
        "pilot_xds_cds_reject 0.0",
        'pilothouse_ack_seconds_sum{type="rds"} 2.0',
        "pilot_xds_send_time_sum 0.004",
        'pilot_xds_send_time_bucket{le="0.005"} 1.0',
        'pilothouse_resource_rejects_total{resource="http_proxy",type="rds"} 1.0',
    } <= set(shown)


def test_figures_of_convergence_have_the_names_of_istiod_where_it_has_one() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    metrics.published(0.05, 0.1)
    metrics.compiled(0.2)
    metrics.queued(0.3)
    metrics.type_converged(ROUTE, 0.4)
    metrics.converged(0.5)
    metrics.finished(ROUTE, 0.6, 0.7)
    metrics.finished(None, 0.8, 0.9)

    shown = generate_latest(registry).decode().splitlines()

    assert {
        "pilot_debounce_time_sum 0.05",
        'pilothouse_compile_seconds_sum{stage="fold"} 0.1',
        'pilothouse_compile_seconds_sum{stage="view"} 0.2',
        "pilot_proxy_queue_time_sum 0.3",
        'pilothouse_type_convergence_seconds_sum{type="rds"} 0.4',
        "pilot_proxy_convergence_time_sum 0.5",
        'pilothouse_first_ack_seconds_sum{type="rds"} 0.6',
        'pilothouse_last_ack_seconds_sum{type="rds"} 0.7',
        'pilothouse_first_ack_seconds_sum{type="all"} 0.8',
        'pilothouse_last_ack_seconds_sum{type="all"} 0.9',
    } <= set(shown)


def test_a_push_is_triggered_by_services_endpoints_or_configuration() -> None:
    keys = [ObjectKey(kind, "default", "x") for kind in ("Service", "EndpointSlice", "Pod", "Gateway")]
    assert push_reasons(keys) == {"service", "endpoint", "config"}
    assert push_reasons([]) == frozenset()


def test_rejections_are_counted_by_object_and_of_so_many_objects() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    for number in range(MAX_NAMES + 20):
        changed = ChangedObject(ObjectKey("VirtualService", "default", f"n{number}"), None, in_force=True)
        metrics.rejected(Rejection("id", "a.default", ROUTE, "no", ("http_proxy",), (changed,), 1.0))

    shown = re.findall(
        r'^pilothouse_object_rejects_total\{object="(.*)",type="rds"\} (.*)$', text(registry), re.MULTILINE
    )

    assert len(shown) == MAX_NAMES + 1
    assert dict(shown)["VirtualService/n0.default"] == "1.0"
    assert dict(shown)[OTHER] == "20.0"


def text(registry: CollectorRegistry) -> str:
    return generate_latest(registry).decode()
