"""Access logs by the mesh's providers: files and services."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

import pytest
import pytest_asyncio

from e2e.addresses import Addresses
from e2e.lab import SERVICE_PORT
from e2e.proofs import proves
from e2e.settings.collector import Collector, running_collector
from e2e.settings.world import World, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

COLLECTOR = "collector.default.svc.cluster.local"
TCP_PORT, TLS_PORT = 8081, 8443


@pytest_asyncio.fixture(loop_scope="module")
async def collector(world: World, addresses: Addresses) -> Collector:
    """One that is a service of the mesh, and a gateway that passes connections on."""
    address = addresses.new()
    made = await world.lab.stack.enter_async_context(running_collector(address, SERVICE_PORT))
    world.lab.write("collector.yaml", _COLLECTOR.format(address=address, port=SERVICE_PORT))
    world.lab.write("connections.yaml", _CONNECTIONS.format(ip=world.gateway.ip))
    return made


def providers(*each: object) -> str:
    """MeshConfig that has these, and uses all of them for logs."""
    names = [entry["name"] for entry in each if isinstance(entry, dict)]
    return f"extensionProviders: {json.dumps(each)}\ndefaultProviders: {json.dumps({'accessLogging': names})}"


async def connect(world: World, port: int) -> None:
    """A connection to the gateway that says something that is not TLS, and ends."""
    with suppress(OSError, TimeoutError):
        reader, writer = await asyncio.open_connection(world.gateway.ip, port)
        writer.write(b"GET / HTTP/1.1\r\nhost: whole\r\nconnection: close\r\n\r\n")
        await asyncio.wait_for(reader.read(), 2)
        writer.close()


@proves(
    "MeshConfig",
    "extensionProviders.name",
    "extensionProviders.envoyFileAccessLog.path",
    "extensionProviders.envoyFileAccessLog.omitEmptyValues",
    "extensionProviders.envoyFileAccessLog.logFormat.text",
    "extensionProviders.envoyFileAccessLog.logFormat.labels",
    "defaultProviders.accessLogging",
)
async def test_files_in_formats_of_ones_own(world: World) -> None:
    text, labels = world.lab.folder / "text.log", world.lab.folder / "labels.log"
    nothing = "%REQ(x-no-such)%"
    log_format = {"path": "%REQ(:PATH)%", "none": nothing, "deep": {"code": "%RESPONSE_CODE%"}}
    world.configure(
        providers(
            {
                "name": "text",
                "envoyFileAccessLog": {"path": str(text), "logFormat": {"text": f"%REQ(:PATH)% {nothing}"}},
            },
            {
                "name": "labels",
                "envoyFileAccessLog": {
                    "path": str(labels),
                    "omitEmptyValues": True,
                    "logFormat": {"labels": log_format},
                },
            },
        )
    )

    async def are_written() -> bool:
        await world.gateway.get("/told?q=1")
        written = (text.exists() and text.read_text(), labels.exists() and labels.read_text())
        return "/told?q=1 -\n" in (written[0] or "") and bool(written[1])

    await until(are_written, "both files")
    entries = [json.loads(line) for line in labels.read_text().splitlines()]
    assert {"path": "/told?q=1", "deep": {"code": 200}} in entries


@proves("MeshConfig", "disableEnvoyListenerLog")
async def test_connections_that_no_chain_is_for_are_logged_unless_that_is_off(
    world: World, collector: Collector
) -> None:
    log = world.lab.folder / "listener.log"
    file = {"path": str(log), "logFormat": {"text": "%RESPONSE_FLAGS% %DOWNSTREAM_LOCAL_ADDRESS%"}}
    world.configure(providers({"name": "file", "envoyFileAccessLog": file}))
    refused = f"NR {world.gateway.ip}:{TLS_PORT}"

    async def is_logged() -> bool:
        await connect(world, TLS_PORT)
        return log.exists() and refused in log.read_text()

    await until(is_logged, "a refused connection in the log")
    other = {**file, "path": str(world.lab.folder / "quiet.log")}
    world.configure(f"{providers({'name': 'file', 'envoyFileAccessLog': other})}\ndisableEnvoyListenerLog: true")

    async def is_elsewhere() -> bool:
        await connect(world, TLS_PORT)
        await world.gateway.get()
        quiet = world.lab.folder / "quiet.log"
        return quiet.exists() and f"- {world.gateway.ip}:8080" in quiet.read_text()

    await until(is_elsewhere, "requests in the other log")
    await connect(world, TLS_PORT)
    await world.gateway.get()
    assert refused not in (world.lab.folder / "quiet.log").read_text()


@proves(
    "MeshConfig",
    "extensionProviders.envoyHttpAls.service",
    "extensionProviders.envoyHttpAls.port",
    "extensionProviders.envoyHttpAls.logName",
    "extensionProviders.envoyHttpAls.additionalRequestHeadersToLog",
    "extensionProviders.envoyHttpAls.additionalResponseHeadersToLog",
    "extensionProviders.envoyTcpAls.service",
    "extensionProviders.envoyTcpAls.port",
    "extensionProviders.envoyTcpAls.logName",
)
async def test_services_are_told_of_requests_and_connections(world: World, collector: Collector) -> None:
    where = {"service": COLLECTOR, "port": SERVICE_PORT}
    headers = {"additionalRequestHeadersToLog": ["x-asked"], "additionalResponseHeadersToLog": ["content-type"]}
    world.configure(
        providers(
            {"name": "http", "envoyHttpAls": {**where, "logName": "requests", **headers}},
            {"name": "tcp", "envoyTcpAls": {**where, "logName": "connections"}},
        )
    )

    async def both_are_told() -> bool:
        await world.gateway.get("/told", {"x-asked": "yes"})
        await connect(world, TCP_PORT)
        return bool(collector.http and collector.tcp)

    await until(both_are_told, "a request and a connection")
    assert collector.logs == {"requests", "connections"}
    told = [entry.request for entry in collector.http if entry.request is not None and entry.request.path == "/told"]
    assert {request.request_headers.get("x-asked") for request in told} == {"yes"}
    answers = [entry.response for entry in collector.http if entry.response is not None]
    assert {"application/json; charset=utf-8"} == {each.response_headers.get("content-type") for each in answers}
    assert all(entry.connection_properties is not None for entry in collector.tcp)


@proves(
    "MeshConfig",
    "extensionProviders.envoyOtelAls.service",
    "extensionProviders.envoyOtelAls.port",
    "extensionProviders.envoyOtelAls.logName",
    "extensionProviders.envoyOtelAls.logFormat.text",
    "extensionProviders.envoyOtelAls.logFormat.labels",
)
async def test_a_collector_of_opentelemetry_is_told(world: World, collector: Collector) -> None:
    log_format = {"text": "path=%REQ(:PATH)%", "labels": {"code": "status-%RESPONSE_CODE%"}}
    where = {"service": f"default/{COLLECTOR}", "port": SERVICE_PORT, "logName": "telemetry"}
    world.configure(providers({"name": "otel", "envoyOtelAls": {**where, "logFormat": log_format}}))

    async def is_told() -> bool:
        await world.client.get("whole", "/told")
        return any(b"path=/told" in message for message in collector.exported)

    await until(is_told, "an entry")
    assert any(b"status-200" in message for message in collector.exported)


_COLLECTOR = """\
apiVersion: v1
kind: Service
metadata:
  name: collector
spec:
  ports:
  - name: grpc
    port: {port}
  selector:
    app: collector
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata:
  name: collector
spec:
  address: {address}
  labels:
    app: collector
"""

_CONNECTIONS = f"""\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata:
  name: connections
spec:
  selector:
    istio: ingressgateway
  servers:
  - port:
      number: {TCP_PORT}
      name: tcp
      protocol: TCP
    bind: {{ip}}
    hosts:
    - "*"
  - port:
      number: {TLS_PORT}
      name: tls
      protocol: TLS
    tls:
      mode: PASSTHROUGH
    bind: {{ip}}
    hosts:
    - secure.example.com
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: connections
spec:
  hosts:
  - secure.example.com
  gateways:
  - connections
  tcp:
  - match:
    - port: {TCP_PORT}
    route:
    - destination:
        host: whole
        port:
          number: {SERVICE_PORT}
  tls:
  - match:
    - port: {TLS_PORT}
      sniHosts:
      - secure.example.com
    route:
    - destination:
        host: whole
        port:
          number: {SERVICE_PORT}
"""
