"""A tenth as many services, each of which selects all of as many WorkloadEntries as there are services elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

from bench.case import Size
from bench.shapes.shape import NAMESPACE, Shape, sidecar


def _service_entry(number: int) -> str:
    return f"""\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: app-{number:04}, namespace: {NAMESPACE}}}
spec:
  hosts: [app-{number:04}.example.com]
  location: MESH_INTERNAL
  resolution: STATIC
  workloadSelector: {{labels: {{app: machine}}}}
  ports:
  - {{number: 80, name: http, protocol: HTTP}}
"""


def _workload_entry(number: int, network: int = 10) -> str:
    """network: of its address."""
    return f"""\
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {{name: machine-{number:04}, namespace: {NAMESPACE}}}
spec:
  address: {network}.1.{number // 250}.{number % 250 + 1}
  labels: {{app: machine}}
"""


def _files(size: Size) -> Mapping[str, str]:
    services = {f"service-{n:04}.yaml": _service_entry(n) for n in range(max(1, size.services // 10))}
    return services | {_path(number): _workload_entry(number) for number in range(size.services)}


def _path(number: int) -> str:
    return f"machine-{number:04}.yaml"


def _change(size: Size, change: int) -> tuple[str, str]:
    number = change * 7 % size.services
    return _path(number), _workload_entry(number, network=11 + change % 50)


WORKLOAD_ENTRIES = Shape("WorkloadEntries", _files, sidecar(), _change)
