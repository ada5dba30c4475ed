"""The mesh that is measured, as the YAML that a user would have in files: one file for each object, or all Pods of a
service in one.

Services are spread over namespaces, twenty in each. Half of a service's endpoints carry ``version: v1``, half ``v2``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bench.case import Size
from xds.model.labels import Labels
from xds.model.proxy import Proxy, ProxyType

_PER_NAMESPACE = 20
_POD_PORT = 9080


@dataclass(frozen=True, slots=True)
class App:
    """One service of the mesh by its number, and its documents."""

    number: int
    endpoints: int

    @property
    def name(self) -> str:
        return f"app-{self.number:04}"

    @property
    def namespace(self) -> str:
        return f"team-{self.number // _PER_NAMESPACE:02}"

    @property
    def hostname(self) -> str:
        return f"{self.name}.{self.namespace}.svc.cluster.local"

    def address(self, endpoint: int) -> str:
        return f"10.{self.number // 250}.{self.number % 250}.{endpoint + 1}"

    def version(self, endpoint: int) -> str:
        return "v1" if endpoint % 2 == 0 else "v2"

    def path(self, what: str) -> str:
        return f"{self.namespace}/{self.name}-{what}.yaml"

    def files(self) -> Iterator[tuple[str, str]]:
        """Every file of the service: its path and its text."""
        yield self.path("service"), self.service()
        yield self.path("pods"), self.pods()
        yield self.path("endpoints"), self.endpoint_slice()
        yield self.path("virtual-service"), self.virtual_service()
        yield self.path("destination-rule"), self.destination_rule()

    def service(self) -> str:
        return f"""\
apiVersion: v1
kind: Service
metadata:
  name: {self.name}
  namespace: {self.namespace}
  labels: {{app: {self.name}, team: {self.namespace}}}
spec:
  clusterIP: 172.16.{self.number // 250}.{self.number % 250 + 1}
  selector:
    app: {self.name}
  ports:
  - name: http
    port: 80
    targetPort: {_POD_PORT}
"""

    def pods(self) -> str:
        return "".join(map(self._pod, range(self.endpoints)))

    def _pod(self, endpoint: int) -> str:
        return f"""\
---
apiVersion: v1
kind: Pod
metadata:
  name: {self._pod_name(endpoint)}
  namespace: {self.namespace}
  labels: {{app: {self.name}, version: {self.version(endpoint)}}}
spec:
  serviceAccountName: {self.name}
  containers:
  - name: main
    ports: [{{name: http, containerPort: {_POD_PORT}}}]
status:
  phase: Running
  podIP: {self.address(endpoint)}
"""

    def _pod_name(self, endpoint: int) -> str:
        return f"{self.name}-{self.version(endpoint)}-{endpoint:03}"

    def endpoint_slice(self, unready: int | None = None) -> str:
        """unready: the endpoint that is not to get traffic, if any."""
        return f"""\
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: {self.name}-x7k2p
  namespace: {self.namespace}
  labels:
    kubernetes.io/service-name: {self.name}
addressType: IPv4
ports:
- name: http
  port: {_POD_PORT}
  protocol: TCP
endpoints:
{"".join(self._listed(endpoint, ready=endpoint != unready) for endpoint in range(self.endpoints))}"""

    def _listed(self, endpoint: int, *, ready: bool) -> str:
        return f"""\
- addresses: [{self.address(endpoint)}]
  conditions: {{ready: {str(ready).lower()}}}
  targetRef: {{kind: Pod, name: {self._pod_name(endpoint)}, namespace: {self.namespace}}}
"""

    def virtual_service(self, share: int = 10) -> str:
        """share: per cent of the ordinary requests that v2 gets."""
        return f"""\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: {self.name}
  namespace: {self.namespace}
spec:
  hosts:
  - {self.hostname}
  http:
  - name: testers
    match:
    - headers:
        end-user:
          exact: jason
      uri:
        prefix: /{self.name}/
    route:
    - destination:
        host: {self.name}
        subset: v2
  - name: canary
    match:
    - uri:
        prefix: /api/
    route:
    - destination:
        host: {self.name}
        subset: v1
      weight: {100 - share}
    - destination:
        host: {self.name}
        subset: v2
      weight: {share}
    timeout: {2 + self.number % 10}s
    retries:
      attempts: 3
      perTryTimeout: 500ms
      retryOn: 5xx,connect-failure
  - name: default
    route:
    - destination:
        host: {self.name}
        subset: v1
"""

    def destination_rule(self) -> str:
        return f"""\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: {self.name}
  namespace: {self.namespace}
spec:
  host: {self.name}
  trafficPolicy:
    loadBalancer:
      simple: LEAST_REQUEST
    connectionPool:
      tcp:
        maxConnections: {100 + self.number % 10}
        connectTimeout: 1s
      http:
        http1MaxPendingRequests: 64
    outlierDetection:
      consecutive5xxErrors: 7
      interval: 5s
      baseEjectionTime: 1m
  subsets:
  - name: v1
    labels:
      version: v1
  - name: v2
    labels:
      version: v2
    trafficPolicy:
      loadBalancer:
        simple: ROUND_ROBIN
"""


def apps(size: Size) -> tuple[App, ...]:
    """The services of a mesh of this size."""
    return tuple(App(number, size.endpoints) for number in range(size.services))


def mesh_files(size: Size) -> Mapping[str, str]:
    """Every file of a mesh of this size, by path."""
    return dict(file for app in apps(size) for file in app.files())


def sidecar_of(app: App) -> Proxy:
    """The sidecar of a service's first endpoint."""
    return Proxy(
        id=f"sidecar~{app.address(0)}~{app.name}.{app.namespace}~{app.namespace}.svc.cluster.local",
        type=ProxyType.SIDECAR,
        name=app.name,
        namespace=app.namespace,
        ip_addresses=(app.address(0),),
        dns_domain=f"{app.namespace}.svc.cluster.local",
        labels=Labels({"app": app.name, "version": app.version(0)}),
    )
