"""The keys of issuers: from a file, from a URL, found by discovery, and asked for again when one is new."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.ca.kit import NOW, REVIEWS, TRUST_DOMAIN
from tests.ca.test_service_accounts import EC, NAME, OTHER, jwks, token
from xds.app.errors import StartError
from xds.app.oidc import IssuerOption, OidcIssuers
from xds.ca.attestation import AttestationError, Evidence, attest
from xds.model.identity import SpiffeId


@dataclass
class Provider:
    """An issuer with a discovery document."""

    keys: str = ""
    status: int = 200
    asked: list[str] = field(default_factory=list)
    url: str = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        if request.path.endswith("configuration"):
            return web.json_response({"issuer": self.url, "jwks_uri": f"{self.url}/keys"}, status=self.status)
        return web.Response(text=self.keys, status=self.status)


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    provider, application = Provider(), web.Application()
    application.router.add_get("/{path:.*}", provider.answer)
    async with TestServer(application) as server:
        provider.url = str(server.make_url("")).rstrip("/")
        yield provider


@dataclass
class Seconds:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


async def whose(issuers: OidcIssuers, text: str) -> SpiffeId:
    return await attest(Evidence(token=text), [issuers.attestor(TRUST_DOMAIN, lambda: NOW)])


async def test_keys_are_found_by_discovery_and_asked_for_once(provider: Provider) -> None:
    provider.keys = jwks(ec=EC)
    issuers = OidcIssuers((IssuerOption.parse(provider.url),), Seconds())
    for _ in range(3):
        assert await whose(issuers, token(iss=provider.url)) == REVIEWS
    assert provider.asked == ["/.well-known/openid-configuration", "/keys"]


async def test_a_key_that_is_new_is_asked_for_but_not_all_the_time(provider: Provider) -> None:
    provider.keys, seconds = jwks(ec=EC), Seconds()
    issuers = OidcIssuers((IssuerOption.parse(f"{NAME}={provider.url}/keys"),), seconds)
    assert await whose(issuers, token()) == REVIEWS
    provider.keys = jwks(ec=EC, new=OTHER)
    for _ in range(3):
        with pytest.raises(AttestationError, match="has not published"):
            await whose(issuers, token("new", OTHER))
    assert provider.asked == ["/keys"]
    seconds.now += 10
    assert await whose(issuers, token("new", OTHER)) == REVIEWS


@pytest.mark.parametrize(
    ("keys", "status"), [("{", 200), ("[]", 200), ('{"keys": []}', 200), ("x" * (1 << 21), 200), ("", 500)]
)
async def test_an_issuer_that_does_not_answer_costs_nobody_what_was_known(
    provider: Provider, keys: str, status: int
) -> None:
    provider.keys, seconds = jwks(ec=EC), Seconds()
    issuers = OidcIssuers((IssuerOption.parse(f"{NAME}={provider.url}/keys"),), seconds)
    assert await whose(issuers, token()) == REVIEWS
    provider.keys, provider.status = keys, status
    seconds.now += 10
    with pytest.raises(AttestationError):
        await whose(issuers, token("new", OTHER))
    assert await whose(issuers, token()) == REVIEWS


async def test_keys_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(jwks(ec=EC))
    issuers = OidcIssuers((IssuerOption.parse(f"{NAME}={tmp_path}/keys.json"),), Seconds())
    issuers.check()
    assert await whose(issuers, token()) == REVIEWS
    with pytest.raises(AttestationError, match="of no issuer that is believed"):
        await whose(issuers, token(iss="https://elsewhere"))


@pytest.mark.parametrize("content", [None, "", "{}", json.dumps({"keys": []})])
def test_a_file_without_keys_is_no_start(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "keys.json").write_text(content)
    with pytest.raises(StartError, match=f"--oidc-issuer {NAME}"):
        OidcIssuers((IssuerOption.parse(f"{NAME}={tmp_path}/keys.json"),), Seconds()).check()


@pytest.mark.parametrize("text", ["", "=file", "kubernetes"])
def test_options_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        IssuerOption.parse(text)
