"""The keys of OpenID Connect issuers: asked for, remembered, and asked for again when a token has one that is new."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import aiohttp
import jwt
import structlog

from xds.app.errors import StartError
from xds.ca.attestation import AUDIENCE, Attestor, Evidence
from xds.ca.service import Clock
from xds.ca.service_accounts import Issuer, UnknownKeyError, issuer_of, verify
from xds.model.identity import SpiffeId
from xds.sources.http import FetchError, fetch
from xds.sources.keys.download import MAX_DOCUMENT_BYTES, jwks_uri

_log = structlog.get_logger("xds.app")

_TIMEOUT: Final = aiohttp.ClientTimeout(total=5)
_PAUSE: Final = 10.0
"""Seconds for which an issuer is not asked again: a caller with made-up keys must not make us ask for each."""


@dataclass(frozen=True, slots=True)
class IssuerOption:
    """``--oidc-issuer ISSUER[=JWKS]``. jwks: a file or a URL with its keys; empty: where its discovery says."""

    issuer: str
    jwks: str = ""

    @classmethod
    def parse(cls, text: str) -> IssuerOption:
        """Raises ValueError if this is none."""
        issuer, _, jwks = text.partition("=")
        if not issuer:
            raise ValueError(f"{text!r} is not ISSUER[=JWKS]")
        if not jwks and not issuer.startswith(("https://", "http://")):
            raise ValueError(f"{issuer!r} is no URL: say where its keys are, as {issuer}=FILE")
        return cls(issuer, jwks)


class OidcIssuers:
    """The issuers whose tokens are believed. monotonic: gives seconds."""

    def __init__(self, options: tuple[IssuerOption, ...], monotonic: Callable[[], float]) -> None:
        self._options: Mapping[str, IssuerOption] = {option.issuer: option for option in options}
        self._issuers = {option.issuer: Issuer(option.issuer) for option in options}
        self._asked: dict[str, float] = {}
        self._monotonic = monotonic

    def check(self) -> None:
        """Reads keys that are in files. Raises StartError for one that cannot be used: nobody would be believed."""
        for option in self._options.values():
            if option.jwks and not option.jwks.startswith(("https://", "http://")):
                try:
                    self._take(option, Path(option.jwks).read_bytes())
                except (OSError, ValueError) as error:
                    raise StartError(f"--oidc-issuer {option.issuer}: {error}") from error

    def attestor(self, trust_domain: str, clock: Clock) -> Attestor:
        """Believes tokens for the authority or for the trust domain."""

        async def attest(evidence: Evidence) -> SpiffeId | None:
            name = issuer_of(evidence.token)
            if name not in self._issuers:
                return None
            try:
                return verify(evidence.token, self._issuers[name], (AUDIENCE, trust_domain), trust_domain, clock())
            except UnknownKeyError:
                await self._ask(name)
                return verify(evidence.token, self._issuers[name], (AUDIENCE, trust_domain), trust_domain, clock())

        return attest

    async def _ask(self, name: str) -> None:
        """Asks for an issuer's keys, unless it has just been asked; what it had stays if it does not answer."""
        now = self._monotonic()
        if now < self._asked.get(name, -_PAUSE) + _PAUSE:
            return
        self._asked[name] = now
        option = self._options[name]
        try:
            self._take(option, await _read(option))
        except (OSError, ValueError, FetchError) as error:
            _log.error("the keys of an issuer cannot be had", issuer=name, reason=str(error))

    def _take(self, option: IssuerOption, content: bytes) -> None:
        try:
            keys = jwt.PyJWKSet.from_json(content.decode())
        except (jwt.PyJWTError, UnicodeDecodeError, json.JSONDecodeError, AttributeError, TypeError) as error:
            raise ValueError(f"this is no JSON Web Key Set: {error}") from error
        self._issuers[option.issuer] = replace(self._issuers[option.issuer], keys=keys)


async def _read(option: IssuerOption) -> bytes:
    if option.jwks and not option.jwks.startswith(("https://", "http://")):
        return await asyncio.to_thread(Path(option.jwks).read_bytes)
    async with aiohttp.ClientSession() as session:
        url = option.jwks or await jwks_uri(option.issuer, session, _TIMEOUT)
        return await fetch(session, url, MAX_DOCUMENT_BYTES, _TIMEOUT)
