"""A small mesh in one file whose lines are counted by its tests."""

from __future__ import annotations

from pathlib import Path

from translators import DEFAULT
from xds.app.offline import Offline
from xds.app.store import Store
from xds.model.settings import MeshSettings

TEXT = """\
apiVersion: v1
kind: Service
metadata: {name: reviews}
spec:
  clusterIP: 10.96.0.1
  selector: {app: reviews}
  ports:
  - {name: http, port: 80}
  - {name: tcp-lines, port: 9000}
---
apiVersion: v1
kind: Service
metadata: {name: pods}
spec:
  clusterIP: None
  selector: {app: reviews}
  ports: [{name: tcp, port: 9100}]
---
apiVersion: v1
kind: Pod
metadata:
  name: reviews-1
  labels: {app: reviews, version: v1}
spec: {serviceAccountName: reviews}
status: {podIP: 10.0.0.1}
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: client}
spec: {address: 10.0.0.9, labels: {app: client}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec:
  host: reviews
  trafficPolicy:
    loadBalancer: {simple: RANDOM}
    connectionPool:
      tcp: {maxConnections: 7}
    portLevelSettings:
    - port: {number: 9000}
      loadBalancer: {simple: ROUND_ROBIN}
  subsets:
  - name: v1
    labels: {version: v1}
    trafficPolicy:
      outlierDetection: {consecutive5xxErrors: 2}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
  - match:
    - uri: {exact: /first}
    - headers:
        end-user: {exact: jason}
    timeout: 2s
    fault:
      abort: {httpStatus: 418, percentage: {value: 25}}
    route:
    - destination: {host: reviews, subset: v1}
  - redirect: {uri: /there}
  tcp:
  - route:
    - destination: {host: reviews, port: {number: 9000}}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: front}
spec:
  selector: {app: gateway}
  servers:
  - port: {number: 8080, name: http, protocol: HTTP}
    hosts: ["*"]
  - port: {number: 8081, name: http-7, protocol: HTTP}
    bind: 10.0.0.7
    hosts: ["*"]
  - port: {number: 8081, name: http-8, protocol: HTTP}
    bind: 10.0.0.8
    hosts: ["*"]
"""


def line(text: str, after: str = "") -> int:
    """The first line with ``text``, counted from 1, that comes after one with ``after``."""
    lines = TEXT.splitlines()
    start = next((index for index, each in enumerate(lines) if after in each), 0)
    return next(index for index, each in enumerate(lines) if index >= start and text in each) + 1


def write(folder: Path) -> Path:
    """The mesh's file in ``folder``."""
    path = folder / "mesh.yaml"
    path.write_text(TEXT)
    return path


def store_of(folder: Path) -> Store:
    """The mesh, read."""
    offline = Offline(MeshSettings(), DEFAULT)
    offline.read([write(folder)])
    return offline.store
