"""Key sets over HTTP, and by OpenID Connect's discovery."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Final

import aiohttp

from xds.config.jwks import parse_jwks
from xds.model.request_authentication import KeySet, KeysReference
from xds.sources.http import FetchError, fetch

MAX_DOCUMENT_BYTES: Final = 1 << 20
"""Of a key set or a discovery document."""

MAX_TIMEOUT: Final = timedelta(minutes=1)
_DISCOVERY: Final = "/.well-known/openid-configuration"
_SCHEMES: Final = ("https://", "http://")


async def download(reference: KeysReference, session: aiohttp.ClientSession) -> KeySet:
    """The keys that a reference names. Raises FetchError."""
    timeout = aiohttp.ClientTimeout(total=min(reference.timeout, MAX_TIMEOUT).total_seconds())
    url = reference.url or await jwks_uri(reference.issuer, session, timeout)
    content = await fetch(session, url, MAX_DOCUMENT_BYTES, timeout)
    try:
        return parse_jwks(content.decode())
    except ValueError as error:
        raise FetchError(f"what {url} has is of no use: {error}") from error


async def jwks_uri(issuer: str, session: aiohttp.ClientSession, timeout: aiohttp.ClientTimeout) -> str:  # noqa: ASYNC109 - aiohttp's own
    """Where an issuer says that its keys are. Raises FetchError."""
    if not issuer.startswith(_SCHEMES):
        raise FetchError(f"{issuer} is no URL that could be asked for keys: say jwks or jwksUri")
    url = issuer.rstrip("/") + _DISCOVERY
    content = await fetch(session, url, MAX_DOCUMENT_BYTES, timeout)
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    uri = found.get("jwks_uri") if isinstance(found, dict) else None
    if not isinstance(uri, str) or not uri.startswith(_SCHEMES):
        raise FetchError(f"{url} does not say where keys are (jwks_uri)")
    if issuer.startswith("https:") and not uri.startswith("https:"):
        raise FetchError(f"{url} says that keys are at {uri}, without TLS")
    return uri
