"""Many cases on one Envoy: each has a listener of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass

from e2e.agreement import by_hand
from e2e.agreement.compare import disagreement
from e2e.agreement.stub import Response, endpoints, send
from e2e.agreement.world import GATEWAY_PORT, PROXY_PORT, Case, Kind, Sent, case_address, case_text, services_text
from e2e.lab import Lab
from translators import DEFAULT
from xds.app.render import Document, render, static_config
from xds.app.store import Store
from xds.explain import Connection, Explanation, Request, explain
from xds.explain.decode import as_json
from xds.model.diagnostic import Severity
from xds.model.labels import Labels
from xds.model.proxy import CaptureMode, Proxy, ProxyType
from xds.model.settings import MeshSettings
from xds.pipeline import Pipeline
from xds.resources import Snapshot
from xds.sources.batch import Batch

_AT_ONCE = 16
_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A request of which Envoy made something else than was explained."""

    case: Case
    request: Sent
    reason: str
    explanation: Explanation

    def __str__(self) -> str:
        table = self.case.table
        text = case_text(self.case, case_address(0)) if table is None else json.dumps(as_json(table))
        taken = [f"{route.name}: {route.match}" for route in self.explanation.routes]
        told = f"{self.case.kind.value}: explained with {taken}, {self.explanation.outcomes}"
        return f"{self.reason}\n{self.request}\n{told}\n{text}"


@dataclass(frozen=True, slots=True)
class _Running:
    case: Case
    address: str
    snapshot: Snapshot

    @property
    def port(self) -> int:
        return PROXY_PORT if self.case.kind is Kind.SIDECAR else GATEWAY_PORT


async def disagreements(cases: Sequence[Case], lab: Lab, name: str) -> list[Disagreement]:
    """Everything in which an Envoy with these configurations and their explanations differ."""
    async with endpoints() as port:
        running = _compiled(cases, port)
        child = await lab.run_envoy(name, _static([each.snapshot for each in running]))
        async with asyncio.timeout(_START_SECONDS):
            while not await _accepts(running[-1]):
                assert child.running, child.tail()
                await asyncio.sleep(0.05)
        try:
            return await _compared(running)
        finally:
            await child.stop()


async def _accepts(running: _Running) -> bool:
    try:
        _, writer = await asyncio.open_connection(running.address, running.port)
    except ConnectionError:
        return False
    writer.close()
    return True


def _compiled(cases: Sequence[Case], port: int) -> list[_Running]:
    store = Store(Pipeline(DEFAULT), MeshSettings(proxy_http_port=PROXY_PORT), clock=lambda: 0.0)
    store.apply(Batch({"services.yaml": services_text(port)}))
    return [_compile(store, case, case_address(number), port) for number, case in enumerate(cases)]


def _compile(store: Store, case: Case, address: str, port: int) -> _Running:
    if case.table is not None:
        return _Running(case, address, by_hand.snapshot(case.table, address, port))
    published = store.apply(Batch({"case.yaml": case_text(case, address)}))
    errors = [str(diagnostic) for diagnostic in published.diagnostics if diagnostic.severity is Severity.ERROR]
    assert not errors, (errors, case)
    compiled = store.compile(_proxy(case.kind, address))
    assert not compiled.errors, compiled.errors
    return _Running(case, address, compiled.snapshot)


def _proxy(kind: Kind, address: str) -> Proxy:
    type_ = ProxyType.ROUTER if kind is Kind.GATEWAY else ProxyType.SIDECAR
    return Proxy(
        *("id", type_, "client", "default", (address,), "default.svc.cluster.local", Labels({"app": "gateway"})),
        capture=CaptureMode.NONE,
    )


def _static(snapshots: Sequence[Snapshot]) -> Document:
    """All listeners; of clusters with one name, which are alike, the first."""
    listeners: list[Document] = []
    clusters: dict[str, Document] = {}
    for snapshot in snapshots:
        resources = static_config(render(snapshot))["static_resources"]
        assert isinstance(resources, dict)
        listeners += _list(resources["listeners"])
        for cluster in _list(resources["clusters"]):
            clusters.setdefault(str(cluster["name"]), cluster)
    for number, listener in enumerate(listeners):
        listener["name"] = f"{number}"
    return {"static_resources": {"listeners": [*listeners], "clusters": [*clusters.values()]}}


def _list(value: object) -> list[Document]:
    assert isinstance(value, list)
    return value


async def _compared(running: Sequence[_Running]) -> list[Disagreement]:
    turns = asyncio.Semaphore(_AT_ONCE)

    async def ask(each: _Running, request: Sent) -> Response:
        async with turns:
            return await send(each.address, each.port, request)

    pairs = [(each, request) for each in running for request in each.case.requests]
    responses = await asyncio.gather(*(ask(each, request) for each, request in pairs))
    found: list[Disagreement] = []
    for (each, request), response in zip(pairs, responses, strict=True):
        explanation = explained(each.snapshot, Connection(each.address, each.port), request)
        if reason := disagreement(explanation, response):
            found.append(Disagreement(each.case, request, reason, explanation))
    return found


def explained(snapshot: Snapshot, connection: Connection, request: Sent) -> Explanation:
    """What is said about a request."""
    asked = Request.of(request.method, request.authority, request.path, request.headers)
    return explain(snapshot, connection, asked, through_capture=False)
