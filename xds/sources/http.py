"""Asking other servers for something, within bounds: whatever they answer, and however slowly."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

import aiohttp

_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
_CHUNK: Final = 1 << 16
_MAX_REDIRECTS: Final = 5


class FetchError(Exception):
    """Why something cannot be fetched: a clause that can be shown to the user."""


class RefusedError(FetchError):
    """A server answered with another status than 200. challenge: how it wants to be asked, if it says so."""

    def __init__(self, url: str, response: aiohttp.ClientResponse) -> None:
        super().__init__(
            f"{url} cannot be fetched: the server answered {response.status} {response.reason or ''}".rstrip()
        )
        self.status = response.status
        self.challenge = response.headers.get("www-authenticate", "")


async def fetch(
    session: aiohttp.ClientSession,
    url: str,
    limit: int,
    timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own, which has several
    headers: Mapping[str, str] = _NO_HEADERS,
    *,
    redirects: bool = True,
) -> bytes:
    """What ``url`` has, at most ``limit`` bytes. Raises FetchError. redirects: whether to go where it leads.

    What was asked for over TLS does not come from where a redirect leads without it.
    """
    try:
        async with session.get(
            url, headers=headers, timeout=timeout, allow_redirects=redirects, max_redirects=_MAX_REDIRECTS
        ) as response:
            if response.status != HTTPStatus.OK:
                raise RefusedError(url, response)
            if url.lower().startswith("https:") and response.url.scheme != "https":
                raise FetchError(f"{url} cannot be fetched: it leads to {response.url}, without TLS")
            return await _bounded(response, url, limit)
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
        raise FetchError(f"{url} cannot be fetched: {_reason(error)}") from error


async def _bounded(response: aiohttp.ClientResponse, url: str, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_chunked(_CHUNK):
        size += len(chunk)
        if size > limit:
            raise FetchError(f"what {url} has is larger than {_size(limit)}")
        chunks.append(chunk)
    return b"".join(chunks)


def _size(limit: int) -> str:
    return f"{limit >> 20} MiB" if limit >= 1 << 20 else f"{limit} bytes"


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it takes too long"
    return str(error) or type(error).__name__
