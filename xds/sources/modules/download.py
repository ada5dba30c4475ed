"""Modules over HTTP, and from registries over the OCI distribution API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

import aiohttp

from xds.model.extensions import Module, ModuleReference
from xds.sources.modules import image
from xds.sources.modules.checks import MAX_MODULE_BYTES, ModuleError, checked, digest_of, too_large
from xds.sources.modules.local import split

TIMEOUT: Final = aiohttp.ClientTimeout(total=60, connect=10, sock_read=20)
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
_CHALLENGE: Final = re.compile(r'(\w+)="([^"]*)"')
_CHUNK: Final = 1 << 16


async def download(reference: ModuleReference, session: aiohttp.ClientSession) -> Module:
    """The module that an ``http``, ``https`` or ``oci`` reference names. Raises ModuleError."""
    scheme, _, rest = reference.url.partition("://")
    try:
        if scheme == "oci":
            return await _Registry(reference, session, *_parts(rest)).module()
        return checked(reference, await _get(session, reference.url, MAX_MODULE_BYTES))
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
        raise ModuleError(f"{reference.url} cannot be fetched: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it takes too long"
    return str(error) or type(error).__name__


async def _get(session: aiohttp.ClientSession, url: str, limit: int, headers: Mapping[str, str] = _NO_HEADERS) -> bytes:
    async with session.get(url, headers=headers, timeout=TIMEOUT, max_redirects=5) as response:
        if response.status != HTTPStatus.OK:
            raise _RefusedError(url, response)
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.content.iter_chunked(_CHUNK):
            size += len(chunk)
            if size > limit:
                raise too_large(f"what {url} has")
            chunks.append(chunk)
    return b"".join(chunks)


class _RefusedError(ModuleError):
    """A server answered with another status than 200. challenge: how it wants to be asked, if it says so."""

    def __init__(self, url: str, response: aiohttp.ClientResponse) -> None:
        super().__init__(
            f"{url} cannot be fetched: the server answered {response.status} {response.reason or ''}".rstrip()
        )
        self.status = response.status
        self.challenge = response.headers.get("www-authenticate", "")


def _parts(name: str) -> tuple[str, str, str]:
    """Host, repository, and tag or digest."""
    path, tag, digest = split(name)
    host, slash, repository = path.partition("/")
    if not slash or not repository:
        raise ModuleError(f"oci://{name} names no repository: write oci://host/repository:tag")
    return host, repository, digest or tag or "latest"


@dataclass(slots=True)
class _Registry:
    """One image of a registry. version: a tag or a digest. Loopback is asked without TLS, as Docker does."""

    reference: ModuleReference
    session: aiohttp.ClientSession
    host: str
    repository: str
    version: str
    _headers: dict[str, str] = field(default_factory=lambda: {"accept": ", ".join(image.MANIFESTS)})

    async def module(self) -> Module:
        what = self.reference.url
        content = await self._fetch(f"manifests/{self.version}", image.MAX_DOCUMENT_BYTES)
        if self.version.startswith("sha256:"):
            image.verify(content, self.version, what)
        manifest = image.document(content, what)
        nested = image.chosen(manifest, "", what)
        if nested is not None:
            inner = await self._fetch(f"manifests/{nested}", image.MAX_DOCUMENT_BYTES)
            image.verify(inner, nested, what)
            manifest = image.document(inner, what)
        layer = image.layer(manifest, what)
        blob = await self._fetch(f"blobs/{layer.digest}", MAX_MODULE_BYTES)
        return checked(self.reference, image.module_in(layer, blob, what), digest_of(content))

    async def _fetch(self, path: str, limit: int) -> bytes:
        url = f"{self._scheme}://{self.host}/v2/{self.repository}/{path}"
        try:
            return await _get(self.session, url, limit, self._headers)
        except _RefusedError as refused:
            if refused.status != HTTPStatus.UNAUTHORIZED or "authorization" in self._headers:
                raise
            self._headers["authorization"] = f"Bearer {await self._token(refused)}"
        return await _get(self.session, url, limit, self._headers)

    async def _token(self, refused: _RefusedError) -> str:
        """Registries give everyone a token for what is public."""
        scheme, _, rest = refused.challenge.partition(" ")
        asked = dict(_CHALLENGE.findall(rest))
        realm = asked.pop("realm", "")
        if scheme.lower() != "bearer" or not realm.startswith(("https://", f"{self._scheme}://")):
            raise refused
        parameters = {name: asked[name] for name in ("service", "scope") if name in asked}
        async with self.session.get(realm, params=parameters, timeout=TIMEOUT) as response:
            if response.status != HTTPStatus.OK:
                raise _RefusedError(realm, response)
            content = await response.content.read(image.MAX_DOCUMENT_BYTES)
        answer = image.document(content, realm)
        token = answer.get("token") or answer.get("access_token")
        if not isinstance(token, str):
            raise ModuleError(f"{realm} gives no token")
        return token

    @property
    def _scheme(self) -> str:
        name = self.host.rpartition(":")[0] or self.host
        return "http" if name == "localhost" or name.startswith("127.") or name == "[::1]" else "https"
