"""An application that calls others from a workload's namespace."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from e2e.capture.namespaces import Namespace

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


class Caller:
    """An application that calls others, in plain HTTP and TCP, and knows nothing of proxies."""

    def __init__(self, namespace: Namespace, names: Mapping[str, str]) -> None:
        """names: what its DNS would say."""
        connector = aiohttp.TCPConnector(resolver=_Names(names), socket_factory=lambda _: namespace.open_socket())
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
            ours = response.status == 200 and response.content_type == "application/json"
            return Reply(response.status, body, response.headers, json.loads(body) if ours else {})

    async def instances(self, url: str, count: int) -> list[str]:
        """Who answers so many requests, one after the other."""
        return [(await self.get(url)).instance for _ in range(count)]

    async def answered_only_by(self, url: str, instance: str) -> None:
        """Returns once requests are answered by this instance and no other; fails after five seconds."""
        end = time.monotonic() + 5
        while (seen := set(await self.instances(url, 4))) != {instance}:
            assert time.monotonic() < end, f"still answered by {seen}"
            await asyncio.sleep(0.05)

    async def call_by_grpc_web(self, url: str) -> tuple[int, bytes]:
        """Status and body of a call with an empty message, as a browser makes it: one frame, in plain HTTP/1.1."""
        headers = {"content-type": "application/grpc-web+proto", "x-grpc-web": "1"}
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        async with self._session.post(url, data=bytes(5), headers=headers, timeout=timeout) as response:
            return response.status, await response.read()

    async def say_by_websocket(self, url: str, message: str) -> str:
        """The answer to one message on a WebSocket."""
        async with self._session.ws_connect(url) as messages:
            await messages.send_str(message)
            return await messages.receive_str(timeout=ANSWER_SECONDS)

    async def say(self, host: str, port: int, *lines: str) -> list[str]:
        """Connects, says ``lines``, and returns as many answers; fewer if the connection is ended or reset."""
        answers: list[str] = []
        with suppress(ConnectionError):
            async with asyncio.timeout(ANSWER_SECONDS), self.connection(host, port) as (reader, writer):
                for line in lines:
                    writer.write(f"{line}\n".encode())
                    answers.append((await reader.readline()).decode().rstrip("\n"))
        return list(filter(None, answers))

    async def greet_by_tls(self, host: str, port: int, server_name: str) -> str:
        """Connects, sends the first message of a TLS handshake, and returns the line that answers it, if any does.

        A server that is no TLS server will do: proxies look at that message alone.
        """
        hello = ssl.MemoryBIO()
        handshake = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), hello, server_hostname=server_name)
        with suppress(ssl.SSLWantReadError):
            handshake.do_handshake()
        with suppress(ConnectionError):
            async with asyncio.timeout(ANSWER_SECONDS), self.connection(host, port) as (reader, writer):
                writer.write(hello.read())
                return (await reader.readline()).decode().rstrip("\n")
        return ""

    async def listen_first(self, host: str, port: int, line: str) -> list[str]:
        """Connects, waits for the server's greeting, says ``line``; returns the greeting and the answer."""
        async with asyncio.timeout(ANSWER_SECONDS), self.connection(host, port) as (reader, writer):
            greeting = await reader.readline()
            writer.write(f"{line}\n".encode())
            return [answer.decode().rstrip("\n") for answer in (greeting, await reader.readline())]

    @asynccontextmanager
    async def connection(
        self, host: str, port: int
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A TCP connection for as long as the context is open."""
        connected = self._namespace.open_socket()
        connected.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connected, (self._names.get(host, host), port))
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
        return [
            ResolveResult(hostname=host, host=self._names[host], port=port, family=socket.AF_INET, proto=0, flags=0)
        ]

    async def close(self) -> None:
        """Holds nothing."""
