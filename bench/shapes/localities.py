"""One service with as many endpoints as there are services elsewhere, over four localities, with failover."""

from __future__ import annotations

from collections.abc import Mapping

from bench.case import Size
from bench.shapes.shape import NAMESPACE, Shape, sidecar
from xds.model.services import Locality

_LOCALITIES = ("eu/eu-1/a", "eu/eu-2/a", "us/us-1/a", "asia/asia-1/a")

_SERVICE = f"""\
apiVersion: v1
kind: Service
metadata: {{name: app, namespace: {NAMESPACE}}}
spec:
  clusterIP: 172.16.0.1
  selector: {{app: app}}
  ports:
  - {{name: http, port: 80}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: app, namespace: {NAMESPACE}}}
spec:
  host: app
  trafficPolicy:
    outlierDetection: {{consecutive5xxErrors: 5}}
    loadBalancer:
      localityLbSetting: {{failover: [{{from: eu, to: us}}]}}
"""


def _workload_entry(number: int, network: int = 10) -> str:
    """network: of its address."""
    return f"""\
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {{name: app-{number:04}, namespace: {NAMESPACE}}}
spec:
  address: {network}.1.{number // 250}.{number % 250 + 1}
  labels: {{app: app}}
  locality: {_LOCALITIES[number % len(_LOCALITIES)]}
"""


def _files(size: Size) -> Mapping[str, str]:
    return {"service.yaml": _SERVICE} | {_path(number): _workload_entry(number) for number in range(size.services)}


def _path(number: int) -> str:
    return f"app-{number:04}.yaml"


def _change(size: Size, change: int) -> tuple[str, str]:
    number = change * 7 % size.services
    return _path(number), _workload_entry(number, network=11 + change % 50)


LOCALITIES = Shape("four localities", _files, sidecar(Locality("eu", "eu-1", "a")), _change)
