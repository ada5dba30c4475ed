"""Many cases on one Envoy, each with a listener of its own, and every client of every case."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from e2e.agreement.access.identities import Identities
from e2e.agreement.access.proxy import DETAILS, SHADOW, snapshot
from e2e.agreement.access.tokens import PAYLOADS, shown
from e2e.agreement.access.world import PORT, Case, Client, Kind, address_of, principal
from e2e.agreement.stub import Response, read_response
from e2e.agreement.world import Sent
from e2e.lab import Lab
from xds.app.render import Document, render, static_config
from xds.explain import PLAIN, TLS, Answered, Check, Connection, Ended, Explanation, Request, explain
from xds.explain.access.jwt_authn import NOTES
from xds.explain.decode import as_json
from xds.resources import Snapshot

_AT_ONCE = 16
_SECONDS = 60.0
_LET_THROUGH = b"!"


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of a client. status: of the answer, 0 for a connection that was closed, 200 for one that was not.

    policy: the one that decided, empty if none did. shadow: of the rules that only note.
    """

    status: int
    policy: str = ""
    shadow: str = ""


@dataclass(frozen=True, slots=True)
class _Running:
    case: Case
    address: str
    snapshot: Snapshot


async def disagreements(cases: Sequence[Case], lab: Lab, name: str, identities: Identities) -> list[str]:
    """Everything in which an Envoy with these configurations and their explanations differ."""
    async with _endpoint() as port:
        running = [
            _Running(case, address_of(number), snapshot(case, address_of(number), identities, port))
            for number, case in enumerate(cases)
        ]
        child = await lab.run_envoy(name, _static([each.snapshot for each in running]))
        async with asyncio.timeout(_SECONDS):
            while not await _accepts(running[-1]):
                assert child.running, child.tail()
                await asyncio.sleep(0.05)
        try:
            return await _compared(running, identities)
        finally:
            await child.stop()


@asynccontextmanager
async def _endpoint() -> AsyncIterator[int]:
    """Says something on every connection on which something is said."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(1):
            writer.write(_LET_THROUGH)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield int(server.sockets[0].getsockname()[1])


async def _accepts(running: _Running) -> bool:
    try:
        _, writer = await asyncio.open_connection(running.address, PORT)
    except ConnectionError:
        return False
    writer.close()
    return True


def _static(snapshots: Sequence[Snapshot]) -> Document:
    listeners: list[object] = []
    clusters: object = []
    for each in snapshots:
        resources = static_config(render(each, show_secrets=True))["static_resources"]
        assert isinstance(resources, dict)
        assert isinstance(resources["listeners"], list)
        listeners += resources["listeners"]
        clusters = resources["clusters"]
    return json.loads(json.dumps({"static_resources": {"listeners": listeners, "clusters": clusters}}))  # type: ignore[no-any-return]  # JSON


async def _compared(running: Sequence[_Running], identities: Identities) -> list[str]:
    turns = asyncio.Semaphore(_AT_ONCE)

    async def ask(each: _Running, client: Client) -> Decided:
        async with turns, asyncio.timeout(_SECONDS):
            return await _ask(each, client, identities)

    pairs = [(each, client) for each in running for client in each.case.clients]
    seen = await asyncio.gather(*(ask(each, client) for each, client in pairs))
    return list(_differences(pairs, seen))


def _differences(pairs: Sequence[tuple[_Running, Client]], seen: Sequence[Decided]) -> Iterator[str]:
    for (each, client), decided in zip(pairs, seen, strict=True):
        found = _explained(each, client)
        if told(found) != decided:
            source = each.case.source or [as_json(each) for each in each.case.filters]
            rules = {"source": source, "tokens": as_json(each.case.tokens) if each.case.tokens is not None else {}}
            case = f"{each.case.kind} tls {each.case.tls} edge {each.case.edge} hops {each.case.hops}"
            yield f"{case}\n{client}\nexplained {told(found)}, seen {decided}\n{_checks(found)}\n{json.dumps(rules)}"


async def _ask(running: _Running, client: Client, identities: Identities) -> Decided:
    context = identities.contexts[client.identity] if running.case.tls else None
    reader, writer = await asyncio.open_connection(
        running.address,
        PORT,
        local_addr=(client.source, 0),
        ssl=context,
        server_hostname=client.server_name if context is not None else None,
    )
    try:
        if running.case.kind is Kind.CONNECTIONS:
            writer.write(_LET_THROUGH)
            return Decided(200 if await _first_byte(reader) == _LET_THROUGH else 0)
        return _decided(await read_response(reader, writer, _sent(running.case, client)))
    finally:
        writer.close()


def _sent(case: Case, client: Client) -> Sent:
    """The request with its token."""
    if case.tokens is None or client.token is None:
        return client.request
    path, headers = shown(client.token, case.tokens, client.request.path)
    return replace(client.request, path=path, headers=(*client.request.headers, *headers))


async def _first_byte(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(1)
    except (ConnectionError, ssl.SSLError):
        return b""


_MATCHED = "rbac_access_denied_matched_policy["


def _decided(response: Response) -> Decided:
    policy = response.header(DETAILS).partition(_MATCHED)[2].removesuffix("]")
    return Decided(response.status, policy.removeprefix("none"), response.header(SHADOW).removeprefix("-"))


def _explained(running: _Running, client: Client) -> Explanation:
    tls = running.case.tls
    connection = Connection(
        running.address,
        PORT,
        TLS if tls else PLAIN,
        client.server_name if tls else "",
        source=client.source,
        principal=principal(client.identity) if tls and client.identity is not None else "",
    )
    sent = _sent(running.case, client)
    claims = PAYLOADS[client.token] if client.token is not None and running.case.tokens is not None else None
    scheme = "https" if tls else "http"
    request = Request.of(sent.method, sent.authority, sent.path, sent.headers, scheme, claims)
    asked = request if running.case.kind is Kind.REQUESTS else None
    return explain(running.snapshot, connection, asked, through_capture=False)


def told(found: Explanation) -> Decided:
    """What is explained, in the same terms."""
    (outcome,) = found.outcomes
    checks = _checks(found)
    if not isinstance(outcome, Answered):
        return Decided(0 if isinstance(outcome, Ended) else 200)
    if outcome.status == 403:
        return Decided(403, checks[-1].policy if checks[-1].filter != NOTES else "")
    noted = next((check.policy for check in checks if check.text.startswith(_SHADOW)), "")
    return Decided(outcome.status, shadow=noted if outcome.status in _LET_THROUGH_STATUS else "")


_SHADOW = "shadow rules, "
_LET_THROUGH_STATUS = (200, 201)


def _checks(found: Explanation) -> list[Check]:
    return [*found.checks, *(check for route in found.routes for check in route.checks)]
