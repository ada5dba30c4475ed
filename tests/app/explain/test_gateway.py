"""What a gateway does with TLS: which server's chain a name gets, where it is written, and where a port leads."""

from __future__ import annotations

from pathlib import Path

import pytest

from translators import DEFAULT
from xds.app.explain.command import explained
from xds.app.explain.proxies import Named
from xds.app.explain.target import Asked
from xds.app.explain.text import text
from xds.app.offline import Offline
from xds.model.proxy import ProxyType
from xds.model.settings import MeshSettings

TEXT = """\
apiVersion: v1
kind: Service
metadata: {name: shop}
spec:
  ports: [{name: http, port: 80}, {name: tls, port: 443}, {name: tcp, port: 9000}]
---
apiVersion: v1
kind: Service
metadata: {name: ingress}
spec:
  selector: {istio: ingress}
  ports: [{name: https, port: 443, targetPort: 8443}]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: front}
spec:
  selector: {istio: ingress}
  servers:
  - port: {number: 80, name: http, protocol: HTTP}
    tls: {httpsRedirect: true}
    hosts: [shop.example.com]
  - port: {number: 443, name: https, protocol: HTTPS}
    tls: {mode: SIMPLE, credentialName: "elsewhere://shop"}
    hosts: [shop.example.com]
  - port: {number: 443, name: tls, protocol: TLS}
    tls: {mode: PASSTHROUGH}
    hosts: ["*.example.com"]
  - port: {number: 9000, name: tcp, protocol: TCP}
    hosts: ["*"]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: ["*.example.com"]
  gateways: [front]
  http:
  - route: [{destination: {host: shop, port: {number: 80}}}]
  tls:
  - match: [{sniHosts: [passed.example.com]}]
    route: [{destination: {host: shop, port: {number: 443}}}]
  tcp:
  - match: [{port: 9000}]
    route: [{destination: {host: shop, port: {number: 9000}}}]
"""


@pytest.fixture
def offline(tmp_path: Path) -> Offline:
    (tmp_path / "mesh.yaml").write_text(TEXT)
    found = Offline(MeshSettings(), DEFAULT)
    found.read([tmp_path])
    return found


def told(offline: Offline, url: str) -> str:
    named = Named("front", "default", ProxyType.ROUTER)
    return "\n".join(text(explained(offline.store, named, Asked("GET", url))))


@pytest.mark.parametrize(
    ("url", "listener", "server", "line", "outcome"),
    [
        ("http://shop.example.com/a", "0.0.0.0_80", 0, 20, "https://shop.example.com/a"),
        ("https://shop.example.com/a", "0.0.0.0_8443", 1, 23, "outbound|80||shop"),
        ("https://shop.example.com:8443/a", "0.0.0.0_8443", 1, 23, "outbound|80||shop"),
        ("https://passed.example.com/a", "0.0.0.0_8443", 2, 26, "outbound|443||shop"),
        ("tcp://anything:9000", "0.0.0.0_9000", 3, 29, "outbound|9000||shop"),
    ],
)
def test_the_server_is_named_with_its_line(
    offline: Offline, url: str, listener: str, server: int, line: int, outcome: str
) -> None:
    found = told(offline, url)
    assert f"listener           {listener} " in found
    assert f"Gateway/front.default spec.servers[{server}]  " in found
    assert f"mesh.yaml:{line}\n" in found
    assert outcome in found


def test_a_name_that_no_server_has(offline: Offline) -> None:
    assert "no filter chain matches the connection, which is TLS to unknown.example.com" in told(
        offline, "https://unknown.example.com/"
    )
