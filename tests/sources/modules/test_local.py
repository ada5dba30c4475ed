"""Modules on this machine: files and image folders, and what must not be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.sources.modules.kit import CODE, DOCKER_LAYER, OTHER, archive, image, reference, sha256, write_layout
from xds.sources.modules import checks
from xds.sources.modules.checks import ModuleError
from xds.sources.modules.local import read_local, stamp


def read(url: str, digest: str = "", base: Path | None = None) -> bytes:
    module = read_local(reference(url, digest, base=str(base or "")))
    assert module is not None
    assert module.sha256 == sha256(module.code)
    return module.code


def test_a_file_by_its_absolute_path_or_from_the_folder_of_its_document(tmp_path: Path) -> None:
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "a.wasm").write_bytes(CODE)
    assert read(f"file://{tmp_path}/modules/a.wasm") == CODE
    assert read("file://modules/a.wasm", base=tmp_path) == CODE
    assert read("file://modules/a.wasm", sha256(CODE), tmp_path) == CODE


@pytest.mark.parametrize("path", ["../secret.wasm", "modules/../../secret.wasm", "link.wasm"])
def test_a_relative_path_does_not_lead_out(tmp_path: Path, path: str) -> None:
    (tmp_path / "secret.wasm").write_bytes(CODE)
    base = tmp_path / "mesh"
    (base / "modules").mkdir(parents=True)
    (base / "link.wasm").symlink_to(tmp_path / "secret.wasm")
    with pytest.raises(ModuleError, match="leads out of the folder of its document"):
        read(f"file://{path}", base=base)


def test_what_is_wrong_with_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.wasm"
    with pytest.raises(ModuleError, match=r"a\.wasm cannot be read: No such file"):
        read(f"file://{file}")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ModuleError, match="is not a file"):
        read(f"file://{tmp_path}/pipe")
    file.write_bytes(b"not wasm")
    with pytest.raises(ModuleError, match="is not a WebAssembly module"):
        read(f"file://{file}")
    file.write_bytes(CODE)
    with pytest.raises(ModuleError, match=f"is {sha256(CODE)}, not {sha256(OTHER)}"):
        read(f"file://{file}", sha256(OTHER))
    monkeypatch.setattr("xds.sources.modules.local.MAX_MODULE_BYTES", 4)
    with pytest.raises(ModuleError, match="is larger than"):
        read(f"file://{file}")
    assert checks.MAX_MODULE_BYTES == 16 << 20


def test_a_file_that_changes_looks_different_and_others_are_not_here(tmp_path: Path) -> None:
    file = tmp_path / "a.wasm"
    missing = stamp(reference(f"file://{file}"))
    file.write_bytes(CODE)
    there = stamp(reference(f"file://{file}"))
    file.write_bytes(OTHER)
    assert len({missing, there, stamp(reference(f"file://{file}"))}) == 3
    assert stamp(reference("https://modules.example.com/a.wasm")) is None
    assert read_local(reference("https://modules.example.com/a.wasm")) is None
    assert read_local(reference("oci://registry.example.com/filters/auth:v1", base=str(tmp_path))) is None


@pytest.mark.parametrize("indexed", [False, True])
@pytest.mark.parametrize("name", ["plugin.wasm", "./plugin.wasm"])
def test_an_image_folder_by_tag_or_digest(tmp_path: Path, name: str, indexed: bool) -> None:
    one = image(CODE, indexed=indexed)
    other = image(archive({"other": b"x", name: OTHER}), DOCKER_LAYER, indexed=indexed)
    write_layout(tmp_path / "layout", v1=one, v2=other)
    assert read(f"oci://{tmp_path}/layout:v1") == CODE
    assert read(f"oci://{tmp_path}/layout:v2") == OTHER
    assert read(f"oci://{tmp_path}/layout@{other.manifest}") == OTHER
    assert read("oci://layout:v2", base=tmp_path) == OTHER
    digest = one.manifest.removeprefix("sha256:")
    assert read(f"oci://{tmp_path}/layout:v1", digest) == CODE, "a checksum may be of the image"
    with pytest.raises(ModuleError, match="and of its image"):
        read(f"oci://{tmp_path}/layout:v2", digest)


def test_what_is_wrong_with_an_image_folder(tmp_path: Path) -> None:
    made = image(CODE)
    write_layout(tmp_path / "layout", v1=made, empty=image(archive({"other": b""}), DOCKER_LAYER), text=image(b"text"))
    for url, reason in {
        "nowhere": "is not a folder of the OCI image layout",
        "layout:v9": "has no image v9",
        "layout:empty": "has no file plugin.wasm",
        "layout:text": "is not a WebAssembly module",
    }.items():
        with pytest.raises(ModuleError, match=reason):
            read(f"oci://{tmp_path}/{url}")
    blob = tmp_path / "layout" / "blobs" / "sha256" / sha256(CODE)
    blob.write_bytes(OTHER)
    with pytest.raises(ModuleError, match="is damaged"):
        read(f"oci://{tmp_path}/layout:v1")


def test_an_archive_that_holds_too_much(tmp_path: Path) -> None:
    bomb = archive({"plugin.wasm": CODE + bytes(checks.MAX_MODULE_BYTES + (2 << 20))})
    assert len(bomb) < 100_000
    write_layout(tmp_path / "layout", v1=image(bomb, DOCKER_LAYER))
    with pytest.raises(ModuleError, match="is larger than 16 MiB"):
        read(f"oci://{tmp_path}/layout:v1")
