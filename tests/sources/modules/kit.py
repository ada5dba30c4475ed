"""References, images, and servers of our own that have them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from xds.model.extensions import ModuleReference, PullPolicy

CODE = b"\0asm\1\0\0\0"
OTHER = CODE + b"\0\2\1x"
WASM_LAYER = "application/vnd.module.wasm.content.layer.v1+wasm"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def reference(url: str, sha256: str = "", *, always: bool = False, base: str = "") -> ModuleReference:
    policy = PullPolicy.ALWAYS if always else PullPolicy.IF_NOT_PRESENT
    return ModuleReference(url, sha256, policy, base=base)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def archive(files: Mapping[str, bytes]) -> bytes:
    """A layer as Docker builds it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return gzip.compress(buffer.getvalue())


@dataclass
class Image:
    """Blobs by digest, and which of them is the manifest."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    manifest: str = ""

    def add(self, content: bytes) -> str:
        digest = f"sha256:{sha256(content)}"
        self.blobs[digest] = content
        return digest


def image(layer: bytes, media_type: str = WASM_LAYER, *, indexed: bool = False) -> Image:
    """An image with one layer. indexed: its name leads to an index of manifests."""
    made = Image()
    digest = made.add(layer)
    manifest = {"mediaType": MANIFEST, "layers": [{"mediaType": media_type, "digest": digest, "size": len(layer)}]}
    made.manifest = made.add(json.dumps(manifest).encode())
    if indexed:
        index = {"mediaType": INDEX, "manifests": [{"mediaType": MANIFEST, "digest": made.manifest}]}
        made.manifest = made.add(json.dumps(index).encode())
    return made


def write_layout(folder: Path, **images: Image) -> None:
    """An OCI image layout with these images by tag."""
    (folder / "blobs" / "sha256").mkdir(parents=True)
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    entries = [
        {
            "mediaType": MANIFEST,
            "digest": each.manifest,
            "annotations": {"org.opencontainers.image.ref.name": tag},
        }
        for tag, each in images.items()
    ]
    (folder / "index.json").write_text(json.dumps({"manifests": entries}))
    for each in images.values():
        for digest, content in each.blobs.items():
            (folder / "blobs" / "sha256" / digest.removeprefix("sha256:")).write_bytes(content)


@dataclass
class Server:
    """Answers paths with status and content, and remembers what it was asked."""

    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    token: str = ""
    port: int = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def serve_image(self, repository: str, tag: str, served: Image) -> None:
        """As a registry does."""
        self.answers[f"/v2/{repository}/manifests/{tag}"] = (200, served.blobs[served.manifest])
        for digest, content in served.blobs.items():
            self.answers[f"/v2/{repository}/manifests/{digest}"] = (200, content)
            self.answers[f"/v2/{repository}/blobs/{digest}"] = (200, content)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        if request.path == "/token":
            return web.json_response({"token": self.token, "for": request.query.get("scope")})
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            challenge = f'Bearer realm="{self.url}/token",service="test",scope="repository:filters/auth:pull"'
            return web.Response(status=401, headers={"www-authenticate": challenge})
        status, body = self.answers.get(request.path, (404, b""))
        return web.Response(status=status, body=body)


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    """A server on a port of its own."""
    server = Server()
    app = web.Application()
    app.router.add_get("/{path:.*}", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        await runner.cleanup()
