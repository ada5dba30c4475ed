"""Which proxy is meant by a name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.explain.mesh import store_of
from xds.app.errors import StartError
from xds.app.explain.proxies import Named, proxy_spec
from xds.model.mesh import Mesh
from xds.model.proxy import ProxyType


@pytest.fixture
def mesh(tmp_path: Path) -> Mesh:
    return store_of(tmp_path).mesh


def test_a_pod_is_found_with_all_that_is_known_of_it(mesh: Mesh) -> None:
    spec = proxy_spec(Named("reviews-1", "default"), mesh)

    assert (spec.ip, spec.service_account, dict(spec.labels)) == (
        "10.0.0.1",
        "reviews",
        {"app": "reviews", "version": "v1"},
    )


def test_labels_can_be_given_instead(mesh: Mesh) -> None:
    spec = proxy_spec(Named("client", "default", labels={"app": "other"}), mesh)

    assert (spec.ip, dict(spec.labels)) == ("10.0.0.9", {"app": "other"})


def test_a_workload_that_nobody_knows_is_an_error_that_names_those_there_are(mesh: Mesh) -> None:
    with pytest.raises(StartError, match=r"named clint\.default; there is client\.default"):
        proxy_spec(Named("clint", "default"), mesh)


def test_a_workload_that_nobody_knows_can_be_described(mesh: Mesh) -> None:
    spec = proxy_spec(Named("new", "default", labels={"app": "new"}, ip="10.0.0.5"), mesh)

    assert (spec.ip, dict(spec.labels)) == ("10.0.0.5", {"app": "new"})


def test_it_may_have_addresses_of_both_versions(mesh: Mesh) -> None:
    spec = proxy_spec(Named("client", "default", ip="10.0.0.9,fd00::9"), mesh)

    assert (spec.ip, spec.more_ips) == ("10.0.0.9", ("fd00::9",))
    with pytest.raises(StartError, match="--ip here is no IP address"):
        proxy_spec(Named("client", "default", ip="10.0.0.9,here"), mesh)


def test_without_an_address_it_is_not_described_enough(mesh: Mesh) -> None:
    with pytest.raises(StartError, match="give its --ip"):
        proxy_spec(Named("new", "default", labels={"app": "new"}), mesh)


def test_a_gateway_object_stands_for_the_proxies_that_it_selects(mesh: Mesh) -> None:
    spec = proxy_spec(Named("front", "default", ProxyType.ROUTER), mesh)

    assert (spec.type, dict(spec.labels)) == (ProxyType.ROUTER, {"app": "gateway"})


def test_gateways_are_named_where_there_is_none(mesh: Mesh) -> None:
    with pytest.raises(StartError, match=r"front\.default"):
        proxy_spec(Named("frnt", "default", ProxyType.ROUTER), mesh)


def test_an_address_has_to_be_one(mesh: Mesh) -> None:
    with pytest.raises(StartError, match="--ip here is no IP address"):
        proxy_spec(Named("client", "default", ip="here"), mesh)
