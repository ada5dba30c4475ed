"""Proxies have the services that they tell of what they do, and those that they ask, whatever else they may see."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.pipeline.test_view import ORIGIN, mesh, meta, proxy, service
from xds.model.authorization import AuthorizationAction, AuthorizationPolicy, Authorizer
from xds.model.gateways import HostSelector, IstioEgressListener, Sidecar
from xds.model.mesh import Mesh
from xds.model.providers import ExternalAuthorization, FileAccessLog, Provider, ProviderService, TcpAccessLogService
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


DECIDING = service("authz", "security", export_to=("security",))


def asking(name: str = "a", *, port: int = 9080, namespace: str = "security") -> Mesh:
    """A provider ``a``, and a policy that asks the one of this name."""
    check = ExternalAuthorization(ProviderService(DECIDING.hostname, port, namespace))
    policy = AuthorizationPolicy(meta("AuthorizationPolicy", "ask"), AuthorizationAction.CUSTOM, provider=name)
    settings = MeshSettings(providers=(Provider("a", "envoyExtAuthzGrpc", check.service, authorization=check),))
    policies = {"default": (policy,)}
    return replace(told("nowhere"), services=(OURS, DECIDING), settings=settings, authorization_policies=policies)


def authorizers(ours: Mesh, memo: Memo) -> tuple[Authorizer, ...]:
    return view_of(ours, view_key(ours, proxy(), memo), memo).authorizers


def test_who_decides_is_beyond_scope_and_export() -> None:
    assert seen(asking()) == ([DECIDING.key, OURS.key], 1)
    (found,) = authorizers(asking(), Memo())
    assert found.name == "a"
    assert found.provider is not None


@pytest.mark.parametrize("mesh_of", [asking("b"), asking(port=1), asking(namespace="other")])
def test_who_is_not_there_is_not_asked(mesh_of: Mesh) -> None:
    (found,) = authorizers(mesh_of, Memo())
    assert found.provider is None
    assert [policy.meta.name for policy in found.policies] == ["ask"]


def test_a_proxy_that_asks_nobody_has_nobody() -> None:
    assert seen(replace(asking(), authorization_policies={})) == ([OURS.key], 1)
    audits = replace(
        asking(), authorization_policies={"default": (AuthorizationPolicy(meta("AuthorizationPolicy", "a")),)}
    )
    assert seen(audits) == ([OURS.key], 1)
    assert authorizers(audits, Memo()) == ()


def test_another_service_changes_nothing_for_who_is_asked() -> None:
    memo, before = Memo(), asking()
    first = authorizers(before, memo)
    after = authorizers(replace(before, services=(OURS, DECIDING, service("third"))), memo)
    assert all(one is other for one, other in zip(first, after, strict=True))
