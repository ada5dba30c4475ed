"""Modules over HTTP and from a registry of our own."""

from __future__ import annotations

import aiohttp
import pytest

from tests.sources.modules.kit import CODE, DOCKER_LAYER, OTHER, Server, archive, image, reference, serving, sha256
from xds.sources.modules.checks import ModuleError
from xds.sources.modules.download import download


async def get(url: str, digest: str = "") -> bytes:
    async with aiohttp.ClientSession() as session:
        return (await download(reference(url, digest), session)).code


async def test_over_http_with_and_without_a_checksum() -> None:
    async with serving() as server:
        server.answers["/a.wasm"] = (200, CODE)
        assert await get(f"{server.url}/a.wasm") == CODE
        assert await get(f"{server.url}/a.wasm", sha256(CODE)) == CODE
        with pytest.raises(ModuleError, match=f"is {sha256(CODE)}, not {sha256(OTHER)}"):
            await get(f"{server.url}/a.wasm", sha256(OTHER))


async def test_what_goes_wrong_over_http(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving() as server:
        server.answers["/html"] = (200, b"<html>")
        server.answers["/broken"] = (503, b"")
        with pytest.raises(ModuleError, match="answered 404 Not Found"):
            await get(f"{server.url}/missing")
        with pytest.raises(ModuleError, match="answered 503"):
            await get(f"{server.url}/broken")
        with pytest.raises(ModuleError, match="is not a WebAssembly module"):
            await get(f"{server.url}/html")
        monkeypatch.setattr("xds.sources.modules.download.MAX_MODULE_BYTES", 4)
        with pytest.raises(ModuleError, match="is larger than"):
            await get(f"{server.url}/html")
        gone = server.url
    with pytest.raises(ModuleError, match="cannot be fetched: "):
        await get(f"{gone}/a.wasm")


@pytest.mark.parametrize("indexed", [False, True])
async def test_from_a_registry_by_tag_or_digest(indexed: bool) -> None:
    async with serving() as server:
        one = image(CODE, indexed=indexed)
        server.serve_image("filters/auth", "v1", one)
        server.serve_image("filters/auth", "latest", image(archive({"plugin.wasm": OTHER}), DOCKER_LAYER))
        assert await get(f"oci://{server.host}/filters/auth:v1") == CODE
        assert await get(f"oci://{server.host}/filters/auth") == OTHER
        assert await get(f"oci://{server.host}/filters/auth@{one.manifest}") == CODE
        assert await get(f"oci://{server.host}/filters/auth:v1", one.manifest.removeprefix("sha256:")) == CODE
        with pytest.raises(ModuleError, match="and of its image"):
            await get(f"oci://{server.host}/filters/auth:v1", sha256(OTHER))


async def test_a_registry_gives_everyone_a_token() -> None:
    async with serving() as server:
        server.token = "for-everyone"
        server.serve_image("filters/auth", "v1", image(CODE))
        assert await get(f"oci://{server.host}/filters/auth:v1") == CODE
        assert server.asked.count("/token") == 1


async def test_what_a_registry_sends_is_checked_against_its_digests() -> None:
    async with serving() as server:
        made = image(CODE)
        server.serve_image("filters/auth", "v1", made)
        server.answers[f"/v2/filters/auth/manifests/{made.manifest}"] = (200, b"{}")
        with pytest.raises(ModuleError, match="is damaged"):
            await get(f"oci://{server.host}/filters/auth@{made.manifest}")
        layer = f"sha256:{sha256(CODE)}"
        server.answers[f"/v2/filters/auth/blobs/{layer}"] = (200, OTHER)
        with pytest.raises(ModuleError, match="is damaged"):
            await get(f"oci://{server.host}/filters/auth:v1")


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        (b"[]", "is not a JSON object"),
        (b"[" * 100_000, "is not a JSON object"),
        (b"{}", "has no layers"),
        (b'{"layers": [{"digest": "md5:1"}]}', "something other than a sha256"),
        (b'{"mediaType": "application/vnd.oci.image.index.v1+json"}', "has no image"),
    ],
)
async def test_manifests_that_mean_nothing(manifest: bytes, reason: str) -> None:
    async with serving() as server:
        server.answers["/v2/filters/auth/manifests/v1"] = (200, manifest)
        with pytest.raises(ModuleError, match=reason):
            await get(f"oci://{server.host}/filters/auth:v1")


async def test_a_name_without_a_repository() -> None:
    with pytest.raises(ModuleError, match="names no repository"):
        await get("oci://registry.example.com")


def test_the_server_of_the_tests_has_no_token_unless_asked_to() -> None:
    assert not Server().token
