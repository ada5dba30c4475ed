"""AuthorizationPolicies: all of them for one workload with a port for HTTP, one for TCP and one of unknown protocol,
whose proxy has an identity; so its listener has all rules ten times over.

Each policy allows two identities two methods below a path of its own, or else denies a header or a range of addresses.
``compile`` is the Mesh to the bytes of every resource in a new process, ``one change`` from the text of one policy to
the bytes of the response.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bench.case import Case, Figure, Samples, Size
from bench.changes import follow
from bench.plane import Plane, responses
from bench.shapes.shape import NAMESPACE, sidecar
from bench.stopwatch import Stopwatch
from xds.model.identity import SpiffeId

_SERVICE = f"""\
apiVersion: v1
kind: Service
metadata: {{name: client, namespace: {NAMESPACE}}}
spec:
  selector: {{app: client}}
  ports:
  - {{name: http, port: 80, targetPort: 8080}}
  - {{name: tcp, port: 9000}}
  - {{name: unknown, port: 9001}}
"""


def _policy(number: int, revision: int = 0) -> str:
    head = f"""\
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: policy-{number:04}, namespace: {NAMESPACE}}}
spec:
  selector: {{matchLabels: {{app: client}}}}
"""
    return head + (_denying(number, revision) if number % 4 == 0 else _allowing(number, revision))


def _allowing(number: int, revision: int) -> str:
    return f"""\
  action: ALLOW
  rules:
  - from:
    - source: {{principals: [cluster.local/ns/team-{number % 50:02}/sa/app-{number:04}, "*/sa/admin-{revision}"]}}
    to:
    - operation: {{methods: [GET, POST], paths: [/app-{number:04}/*]}}
"""


def _denying(number: int, revision: int) -> str:
    return f"""\
  action: DENY
  rules:
  - to:
    - operation: {{paths: ["/internal/{{*}}/{number:04}"]}}
    when:
    - {{key: "request.headers[x-tenant]", notValues: [tenant-{number:04}, revision-{revision}]}}
  - from:
    - source: {{ipBlocks: [10.{number // 250}.{number % 250}.0/24]}}
    to:
    - operation: {{ports: ["9000"]}}
"""


def _files(size: Size) -> Mapping[str, str]:
    return {"service.yaml": _SERVICE} | {_path(number): _policy(number) for number in range(size.services)}


def _path(number: int) -> str:
    return f"policy-{number:04}.yaml"


def measure(size: Size) -> Samples:
    watch, plane = Stopwatch(), Plane()
    proxy = replace(sidecar(), identity=SpiffeId.of_workload("cluster.local", NAMESPACE, "client"))
    with watch.lap("from text"):
        plane.fold(plane.parse(_files(size)))
        with watch.lap("compile"):
            sent = sum(map(len, responses(plane.compile(proxy))))
    watch.add("sent", sent / 1e6)

    def change(number: int) -> tuple[str, str]:
        chosen = number * 7 % size.services
        return _path(chosen), _policy(chosen, revision=number + 1)

    changes = follow(plane, proxy, change, size.changes // size.processes)
    return {**watch.samples, "one change": changes["text to bytes"]}


CASE = Case(
    name="1,000 AuthorizationPolicies",
    figures=(
        Figure("compile", "ms", goal=1000),
        Figure("from text", "ms"),
        Figure("sent", "MB"),
        Figure("one change", "ms", goal=10),
    ),
    measure=measure,
    cold=True,
)
