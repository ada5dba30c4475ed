"""A tenth as many services, each with a port of every protocol: HTTP, TCP, TLS and one that has to be sniffed."""

from __future__ import annotations

from collections.abc import Mapping

from bench.case import Size
from bench.shapes.shape import NAMESPACE, Shape, sidecar


def _service(number: int, network: int = 16) -> str:
    """network: of the address that clients dial."""
    return f"""\
apiVersion: v1
kind: Service
metadata: {{name: app-{number:04}, namespace: {NAMESPACE}}}
spec:
  clusterIP: 172.{network}.{number // 250}.{number % 250 + 1}
  selector: {{app: app-{number:04}}}
  ports:
  - {{name: http, port: 80}}
  - {{name: tcp, port: 9000}}
  - {{name: tls, port: 443}}
  - {{name: any, port: 8080}}
---
apiVersion: v1
kind: Pod
metadata: {{name: app-{number:04}, namespace: {NAMESPACE}, labels: {{app: app-{number:04}}}}}
status: {{podIP: 10.0.{number // 250}.{number % 250 + 1}}}
"""


def _count(size: Size) -> int:
    return max(1, size.services // 10)


def _files(size: Size) -> Mapping[str, str]:
    return {f"service-{number:04}.yaml": _service(number) for number in range(_count(size))}


def _change(size: Size, change: int) -> tuple[str, str]:
    number = change % _count(size)
    return f"service-{number:04}.yaml", _service(number, network=17 + change // _count(size) % 10)


PROTOCOLS = Shape("four protocols", _files, sidecar(), _change)
