"""Keys over HTTP: from a URL, by discovery, and within bounds."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.certificates import Authority
from tests.sources.keys.kit import NO_USE, ONE, reference
from tests.sources.modules.kit import serving
from xds.config.jwks import parse_jwks
from xds.model.request_authentication import KeySet, KeysReference
from xds.sources.http import FetchError
from xds.sources.keys.download import MAX_DOCUMENT_BYTES, download

DISCOVERY = "/.well-known/openid-configuration"


async def got(wanted: KeysReference) -> KeySet:
    async with aiohttp.ClientSession() as session:
        return await download(wanted, session)


async def test_from_a_url() -> None:
    async with serving() as server:
        server.answers["/keys"] = (200, ONE)
        assert await got(reference(f"{server.url}/keys")) == parse_jwks(ONE.decode())


@pytest.mark.parametrize("slash", ["", "/"])
async def test_where_the_issuer_says(slash: str) -> None:
    async with serving() as server:
        server.answers[DISCOVERY] = (200, json.dumps({"jwks_uri": f"{server.url}/keys"}).encode())
        server.answers["/keys"] = (200, ONE)
        assert await got(reference(issuer=f"{server.url}{slash}")) == parse_jwks(ONE.decode())
        assert server.asked == [DISCOVERY, "/keys"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((404, b""), "the server answered 404"),
        ((200, b""), "not JSON"),
        ((200, b"\xff"), "is of no use"),
        ((200, NO_USE), "no key that can be used"),
        ((200, b" " * (MAX_DOCUMENT_BYTES + 1)), "is larger than 1 MiB"),
    ],
)
async def test_what_gives_no_keys(answer: tuple[int, bytes], reason: str) -> None:
    async with serving() as server:
        server.answers["/keys"] = answer
        with pytest.raises(FetchError, match=reason):
            await got(reference(f"{server.url}/keys"))


@pytest.mark.parametrize("document", [b"", b"[]", b"{}", b'{"jwks_uri": 1}', b'{"jwks_uri": "file:///etc/passwd"}'])
async def test_what_an_issuer_says_must_be_a_url(document: bytes) -> None:
    async with serving() as server:
        server.answers[DISCOVERY] = (200, document)
        with pytest.raises(FetchError, match="does not say where keys are"):
            await got(reference(issuer=server.url))
        assert server.asked == [DISCOVERY]


async def test_an_issuer_that_is_no_url_is_not_asked() -> None:
    with pytest.raises(FetchError, match="say jwks or jwksUri"):
        await got(reference(issuer="accounts@example.com"))


async def test_nobody_is_waited_for_longer_than_the_rule_says() -> None:
    hangs = asyncio.Event()

    async def never(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hangs.wait()
        writer.close()

    server = await asyncio.start_server(never, "127.0.0.1", 0)
    try:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/keys"
        with pytest.raises(FetchError, match="it takes too long"):
            await got(reference(url, seconds=0.1))
    finally:
        hangs.set()
        server.close()


@asynccontextmanager
async def over_tls(folder: Path, elsewhere: str) -> AsyncIterator[tuple[str, ssl.SSLContext]]:
    """A server with keys, which also leads to where there is no TLS; its URL, and what vouches for it."""

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/away":
            raise web.HTTPFound(elsewhere)
        if request.path == DISCOVERY:
            return web.json_response({"jwks_uri": elsewhere})
        return web.Response(body=ONE)

    authority = Authority("keys")
    issued = authority.issue("127.0.0.1")
    file = folder / "server.pem"
    file.write_text(issued.key_pem + issued.chain)
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(file)
    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=own).start()
        yield f"https://127.0.0.1:{runner.addresses[0][1]}", ssl.create_default_context(cadata=authority.pem)
    finally:
        await runner.cleanup()


async def test_a_server_that_nobody_vouches_for_is_not_believed(tmp_path: Path) -> None:
    async with over_tls(tmp_path, "") as (url, vouched):
        with pytest.raises(FetchError, match="CERTIFICATE_VERIFY_FAILED"):
            await got(reference(f"{url}/keys"))
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=vouched)) as session:
            assert await download(reference(f"{url}/keys"), session) == parse_jwks(ONE.decode())


async def test_what_is_asked_over_tls_does_not_come_without(tmp_path: Path) -> None:
    async with serving() as server, over_tls(tmp_path, f"{server.url}/keys") as (url, vouched):
        server.answers["/keys"] = (200, ONE)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=vouched)) as session:
            for wanted in (reference(f"{url}/away"), reference(issuer=url)):
                with pytest.raises(FetchError, match="without TLS"):
                    await download(wanted, session)
