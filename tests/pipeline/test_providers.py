"""Proxies have the services that they tell of what they do, whatever else they may see."""

from __future__ import annotations

from dataclasses import replace

from tests.pipeline.test_view import ORIGIN, mesh, meta, proxy, service
from xds.model.gateways import HostSelector, IstioEgressListener, Sidecar
from xds.model.mesh import Mesh
from xds.model.providers import FileAccessLog, ProviderService, TcpAccessLogService
from xds.model.services import ServiceKey
from xds.model.settings import MeshSettings
from xds.pipeline import Memo, view_key, view_of

COLLECTOR = service("collector", "logs", export_to=("logs",))
OURS = service("ours")


def seen(ours: Mesh) -> tuple[list[ServiceKey], int]:
    """What needs clusters, and how many services requests may be for."""
    memo = Memo()
    view = view_of(ours, view_key(ours, proxy(), memo), memo)
    return [visible.service.key for visible in view.services], sum(len(each.services) for each in view.egress)


def told(hostname: str, namespace: str = "") -> Mesh:
    sidecar = Sidecar(meta("Sidecar", "scoped"), egress=(IstioEgressListener((HostSelector("default", "*"),), ORIGIN),))
    logs = (FileAccessLog(), TcpAccessLogService(ProviderService(hostname, 9080, namespace)))
    return mesh(services=(OURS, COLLECTOR), sidecars={"default": (sidecar,)}, settings=MeshSettings(access_logs=logs))


def test_a_collector_is_beyond_scope_and_export() -> None:
    assert seen(told(COLLECTOR.hostname)) == ([COLLECTOR.key, OURS.key], 1)
    assert seen(told(COLLECTOR.hostname, "logs")) == ([COLLECTOR.key, OURS.key], 1)


def test_of_another_namespace_or_of_no_use_it_is_not_there() -> None:
    assert seen(told(COLLECTOR.hostname, "other")) == ([OURS.key], 1)
    without = replace(told(COLLECTOR.hostname), settings=MeshSettings())
    assert seen(without) == ([OURS.key], 1)


def test_one_that_can_be_seen_anyway_is_there_once() -> None:
    assert seen(told(OURS.hostname)) == ([OURS.key], 1)
