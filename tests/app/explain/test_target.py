"""What a URL means to a workload."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.explain.mesh import store_of
from xds.app.errors import StartError
from xds.app.explain.target import Asked, Target, target
from xds.app.proxy_spec import ProxySpec
from xds.explain import PLAIN, TLS
from xds.model.mesh import Mesh
from xds.model.proxy import CaptureMode, ProxyType

SIDECAR = ProxySpec("client", "default", "10.0.0.9")
OTHER_NAMESPACE = ProxySpec("client", "other", "10.0.0.9")
EXPLICIT = ProxySpec("client", "default", "10.0.0.9", capture=CaptureMode.NONE)
GATEWAY = ProxySpec("front", "default", "10.0.0.7", ProxyType.ROUTER)


@pytest.fixture
def mesh(tmp_path: Path) -> Mesh:
    return store_of(tmp_path).mesh


def where(aim: Target) -> tuple[str, int, bool]:
    return aim.connection.address, aim.connection.port, aim.through_capture


@pytest.mark.parametrize(
    ("proxy", "url", "expected"),
    [
        (SIDECAR, "http://reviews/", ("10.96.0.1", 80, True)),
        (SIDECAR, "http://reviews.default:8080/", ("10.96.0.1", 8080, True)),
        (SIDECAR, "http://reviews.default.svc.cluster.local", ("10.96.0.1", 80, True)),
        (OTHER_NAMESPACE, "http://reviews/", ("", 80, True)),
        (OTHER_NAMESPACE, "http://reviews.default/", ("10.96.0.1", 80, True)),
        (SIDECAR, "tcp://pods:9100", ("10.0.0.1", 9100, True)),
        (SIDECAR, "http://10.1.2.3:81/", ("10.1.2.3", 81, True)),
        (SIDECAR, "http://[::1]:81/", ("::1", 81, False)),
        (SIDECAR, "http://localhost:81/", ("127.0.0.1", 81, False)),
        (SIDECAR, "https://example.com/", ("", 443, True)),
        (EXPLICIT, "http://reviews/", ("10.0.0.9", 15080, False)),
        (EXPLICIT, "http://127.0.0.1:9090/", ("127.0.0.1", 9090, False)),
        (EXPLICIT, "tcp://reviews:9000", ("10.96.0.1", 9000, False)),
        (GATEWAY, "http://shop.example.com:8080/", ("", 8080, False)),
    ],
)
def test_where_a_connection_goes(mesh: Mesh, proxy: ProxySpec, url: str, expected: tuple[str, int, bool]) -> None:
    assert where(target(Asked("GET", url), proxy, mesh)) == expected


def test_an_address_can_be_given(mesh: Mesh) -> None:
    assert where(target(Asked("GET", "http://a:81/", address="10.1.1.1"), SIDECAR, mesh)) == ("10.1.1.1", 81, True)


def test_what_is_spoken(mesh: Mesh) -> None:
    plain, tls, tcp = (
        target(Asked("GET", url), SIDECAR, mesh).connection for url in ("http://a/", "https://a/", "tcp://a:1")
    )

    assert (plain.transport, plain.server_name, plain.protocols) == (PLAIN, "", ("http/1.1",))
    assert (tls.transport, tls.server_name, tls.protocols) == (TLS, "a", ("h2", "http/1.1"))
    assert (tcp.transport, tcp.server_name, tcp.protocols) == (PLAIN, "", ())


def test_the_request(mesh: Mesh) -> None:
    asked = Asked("POST", "http://user@reviews:80/a?b=c", (("X-A", "1"),))
    request = target(asked, SIDECAR, mesh).request

    assert request is not None
    assert (request.method, request.authority, request.path) == ("POST", "reviews:80", "/a?b=c")
    assert request.headers == (("x-a", "1"),)
    assert target(Asked("GET", "tcp://reviews:9000"), SIDECAR, mesh).request is None


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("reviews", "not of the form"),
        ("ftp://reviews/", "not of the form"),
        ("tcp://reviews", "has no port"),
        ("http://reviews:x/", "is no URL"),
    ],
)
def test_what_is_no_url(mesh: Mesh, url: str, message: str) -> None:
    with pytest.raises(StartError, match=message):
        target(Asked("GET", url), SIDECAR, mesh)


def test_an_address_has_to_be_one(mesh: Mesh) -> None:
    with pytest.raises(StartError, match="--address example is no IP address"):
        target(Asked("GET", "http://a/", address="example"), SIDECAR, mesh)
