"""One ingress gateway with a VirtualService for each service: by host, or by path in one host."""

from __future__ import annotations

from collections.abc import Mapping

from bench.case import Size
from bench.shapes.shape import NAMESPACE, Shape, gateway

_GATEWAY = f"""\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: ingress, namespace: {NAMESPACE}}}
spec:
  selector: {{istio: ingressgateway}}
  servers:
  - port: {{number: 80, name: http, protocol: HTTP}}
    hosts: ["*"]
"""


def _service(number: int) -> str:
    return f"""\
apiVersion: v1
kind: Service
metadata: {{name: app-{number:04}, namespace: {NAMESPACE}}}
spec:
  clusterIP: 172.16.{number // 250}.{number % 250 + 1}
  ports:
  - {{name: http, port: 80}}
"""


def _virtual_service(number: int, host: str, path: str, timeout: int) -> str:
    return f"""\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: app-{number:04}, namespace: {NAMESPACE}}}
spec:
  hosts: [{host}]
  gateways: [ingress]
  http:
  - match: [{{uri: {{prefix: {path}}}}}]
    timeout: {timeout}s
    route: [{{destination: {{host: app-{number:04}}}}}]
"""


def _by_host(number: int, timeout: int = 3) -> str:
    return _virtual_service(number, f"app-{number:04}.example.com", "/", timeout)


def _by_path(number: int, timeout: int = 3) -> str:
    return _virtual_service(number, "shop.example.com", f"/app-{number:04}/", timeout)


def _files_by_host(size: Size) -> Mapping[str, str]:
    return _services(size) | {_path(number): _by_host(number) for number in range(size.services)}


def _files_by_path(size: Size) -> Mapping[str, str]:
    return _services(size) | {_path(number): _by_path(number) for number in range(size.services)}


def _services(size: Size) -> dict[str, str]:
    return {"gateway.yaml": _GATEWAY} | {f"service-{n:04}.yaml": _service(n) for n in range(size.services)}


def _path(number: int) -> str:
    return f"virtual-service-{number:04}.yaml"


def _change_by_host(size: Size, change: int) -> tuple[str, str]:
    number = change * 7 % size.services
    return _path(number), _by_host(number, timeout=4 + change % 50)


def _change_by_path(size: Size, change: int) -> tuple[str, str]:
    number = change * 7 % size.services
    return _path(number), _by_path(number, timeout=4 + change % 50)


BY_HOST = Shape("ingress by host", _files_by_host, gateway(), _change_by_host)
BY_PATH = Shape("ingress by path", _files_by_path, gateway(), _change_by_path)
