"""An application that calls others from a workload's namespace."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from e2e.capture.namespaces import Namespace
from xds.app.explain.target import Asked

ANSWER_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP response. received: what the server saw, empty if it was no server of ours that answered."""

    status: int
    body: str
    headers: Mapping[str, str]
    received: Mapping[str, object] = field(default_factory=dict)

    @property
    def instance(self) -> str:
        """Who answered; the status and the body if that was no server of ours."""
        return str(self.received.get("instance", f"{self.status} {self.body}"))

    def saw(self, header: str) -> str | None:
        """A header of the request as it arrived."""
        headers = self.received["headers"]
        assert isinstance(headers, dict)
        return headers.get(header)


class Witness(Protocol):
    """Is told what an application met."""

    def http(self, asked: Asked, reply_status: int, location: str, received: Mapping[str, object]) -> None:
        """A response."""

    def tcp(self, scheme: str, host: str, port: int, server_name: str, instance: str) -> None:
        """A connection, and who answered on it."""


class Caller:
    """An application that calls others, in plain HTTP and TCP, and knows nothing of proxies.

    witness: is told of all that it meets, if there is one.
    """

    witness: Witness | None = None

    def __init__(self, namespace: Namespace, names: Mapping[str, str]) -> None:
        """names: what its DNS would say."""
        connector = aiohttp.TCPConnector(
            resolver=_Names(names),
            socket_factory=lambda wanted: namespace.open_socket(socket.AddressFamily(wanted[0])),
        )
        self._session = aiohttp.ClientSession(connector=connector)
        self._namespace = namespace
        self._names = names

    async def get(
        self, url: str, headers: Mapping[str, str] | None = None, proxy: str | None = None, method: str = "GET"
    ) -> Reply:
        """The response to a request without a body. Raises aiohttp.ClientError if there is none.

        proxy: the URL of an HTTP proxy to ask for it, as programs take it from ``http_proxy``.
        """
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        async with self._session.request(
            method, url, headers=headers, proxy=proxy, timeout=timeout, allow_redirects=False
        ) as response:
            body = await response.text()
            kind = response.headers.get("content-type", "application/json")  # a route may take it away
            ours = response.status == 200 and kind.startswith("application/json") and body.startswith("{")
            received = json.loads(body) if ours else {}
        if self.witness is not None:
            address = "" if proxy else self._address(url)
            asked = Asked(method, url, tuple((headers or {}).items()), address)
            self.witness.http(asked, response.status, response.headers.get("location", ""), received)
        return Reply(response.status, body, response.headers, received)

    def tell_grpc(self, url: str, instance: str) -> None:
        """A gRPC call of this application was answered by an instance."""
        if self.witness is not None:
            asked = Asked("POST", url, (("content-type", "application/grpc"),), self._address(url))
            self.witness.http(asked, 200, "", {"instance": instance})

    def _address(self, url: str) -> str:
        host = URL(url).host or ""
        return self._names.get(host, host)

    async def instances(self, url: str, count: int) -> list[str]:
        """Who answers so many requests, one after the other."""
        return [(await self.get(url)).instance for _ in range(count)]

    async def instances_until(self, url: str, over: asyncio.Event) -> set[str]:
        """Who answers requests, one after the other."""
        seen = set()
        while not over.is_set():
            seen.add((await self.get(url)).instance)
        return seen

    async def answered_only_by(self, url: str, *instances: str) -> None:
        """Returns once requests are answered by all of these instances and no other; fails after five seconds."""
        end = time.monotonic() + 5
        while (seen := set(await self.instances(url, 4 * len(instances)))) != {*instances}:
            assert time.monotonic() < end, f"still answered by {seen}"
            await asyncio.sleep(0.05)

    async def call_by_grpc_web(self, url: str) -> tuple[int, bytes]:
        """Status and body of a call with an empty message, as a browser makes it: one frame, in plain HTTP/1.1."""
        headers = {"content-type": "application/grpc-web+proto", "x-grpc-web": "1"}
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        async with self._session.post(url, data=bytes(5), headers=headers, timeout=timeout) as response:
            return response.status, await response.read()

    @asynccontextmanager
    async def websocket(self, url: str) -> AsyncIterator[Callable[[str], Awaitable[str]]]:
        """A WebSocket for as long as the context is open: says a message and returns the answer to it."""
        async with self._session.ws_connect(url) as messages:

            async def say(message: str) -> str:
                await messages.send_str(message)
                answer = await messages.receive_str(timeout=ANSWER_SECONDS)
                if self.witness is not None:
                    asked = Asked("GET", url, (), self._address(url))
                    self.witness.http(asked, 200, "", {"instance": answer.split(" ")[0]})
                return answer

            yield say

    async def say(self, host: str, port: int, *lines: str) -> list[str]:
        """Connects, says ``lines``, and returns as many answers; fewer if the connection is ended or reset."""
        answers: list[str] = []
        with suppress(ConnectionError):
            async with asyncio.timeout(ANSWER_SECONDS), self.connection(host, port) as (reader, writer):
                for line in lines:
                    writer.write(f"{line}\n".encode())
                    answers.append((await reader.readline()).decode().rstrip("\n"))
        found = list(filter(None, answers))
        self._tell_tcp("tcp", host, port, "", found[0].split(" ")[0] if found else "")
        return found

    def _tell_tcp(self, scheme: str, host: str, port: int, server_name: str, instance: str) -> None:
        if self.witness is not None:
            self.witness.tcp(scheme, host, port, server_name, instance)

    async def greet_by_tls(self, host: str, port: int, server_name: str) -> str:
        """Connects, sends the first message of a TLS handshake, and returns the line that answers it, if any does.

        A server that is no TLS server will do: proxies look at that message alone.
        """
        hello = ssl.MemoryBIO()
        handshake = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), hello, server_hostname=server_name)
        with suppress(ssl.SSLWantReadError):
            handshake.do_handshake()
        answer = ""
        with suppress(ConnectionError):
            async with asyncio.timeout(ANSWER_SECONDS), self.connection(host, port) as (reader, writer):
                writer.write(hello.read())
                answer = (await reader.readline()).decode().rstrip("\n")
        self._tell_tcp("https", host, port, server_name, answer.split(" ")[0])
        return answer

    async def listen_first(self, host: str, port: int, line: str) -> list[str]:
        """Connects, waits for the server's greeting, says ``line``; returns the greeting and the answer."""
        async with asyncio.timeout(ANSWER_SECONDS), self.connection(host, port) as (reader, writer):
            greeting = await reader.readline()
            writer.write(f"{line}\n".encode())
            answers = [answer.decode().rstrip("\n") for answer in (greeting, await reader.readline())]
        self._tell_tcp("tcp", host, port, "", answers[1].split(" ")[0])
        return answers

    @asynccontextmanager
    async def connection(
        self, host: str, port: int
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A TCP connection for as long as the context is open."""
        address = self._names.get(host, host)
        connected = self._namespace.open_socket(_family(address))
        connected.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connected, (address, port))
        reader, writer = await asyncio.open_connection(sock=connected)
        try:
            yield reader, writer
        finally:
            writer.close()

    async def close(self) -> None:
        """Ends its connections."""
        await self._session.close()


class _Names(AbstractResolver):
    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        address = self._names[host]
        return [ResolveResult(hostname=host, host=address, port=port, family=_family(address), proto=0, flags=0)]

    async def close(self) -> None:
        """Holds nothing."""


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
