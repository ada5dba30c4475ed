"""Modules over HTTP, and from registries over the OCI distribution API."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

import aiohttp

from xds.model.extensions import Module, ModuleReference
from xds.sources.http import FetchError, RefusedError, fetch
from xds.sources.modules import image
from xds.sources.modules.checks import MAX_MODULE_BYTES, ModuleError, checked, digest_of
from xds.sources.modules.local import split

TIMEOUT: Final = aiohttp.ClientTimeout(total=60, connect=10, sock_read=20)
_CHALLENGE: Final = re.compile(r'(\w+)="([^"]*)"')


async def download(reference: ModuleReference, session: aiohttp.ClientSession) -> Module:
    """The module that an ``http``, ``https`` or ``oci`` reference names. Raises ModuleError."""
    scheme, _, rest = reference.url.partition("://")
    try:
        if scheme == "oci":
            return await _Registry(reference, session, *_parts(rest)).module()
        return checked(reference, await fetch(session, reference.url, MAX_MODULE_BYTES, TIMEOUT))
    except FetchError as error:
        raise ModuleError(str(error)) from error


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
            return await fetch(self.session, url, limit, TIMEOUT, self._headers)
        except RefusedError as refused:
            if refused.status != HTTPStatus.UNAUTHORIZED or "authorization" in self._headers:
                raise
            self._headers["authorization"] = f"Bearer {await self._token(refused)}"
        return await fetch(self.session, url, limit, TIMEOUT, self._headers)

    async def _token(self, refused: RefusedError) -> str:
        """Registries give everyone a token for what is public."""
        scheme, _, rest = refused.challenge.partition(" ")
        asked = dict(_CHALLENGE.findall(rest))
        realm = asked.pop("realm", "")
        if scheme.lower() != "bearer" or not realm.startswith(("https://", f"{self._scheme}://")):
            raise refused
        parameters = {name: asked[name] for name in ("service", "scope") if name in asked}
        content = await fetch(self.session, f"{realm}?{urlencode(parameters)}", image.MAX_DOCUMENT_BYTES, TIMEOUT)
        answer = image.document(content, realm)
        token = answer.get("token") or answer.get("access_token")
        if not isinstance(token, str):
            raise ModuleError(f"{realm} gives no token")
        return token

    @property
    def _scheme(self) -> str:
        name = self.host.rpartition(":")[0] or self.host
        return "http" if name == "localhost" or name.startswith("127.") or name == "[::1]" else "https"
