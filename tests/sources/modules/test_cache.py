"""Modules on disk: found again, for their owner alone, bounded, and never believed unseen."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from tests.sources.modules.kit import CODE, OTHER, reference, sha256
from xds.model.extensions import Module
from xds.sources.modules.cache import ModuleCache

URL = "https://modules.example.com/a.wasm"


def module(code: bytes) -> Module:
    return Module(sha256(code), code)


def code_of(found: Module | None) -> bytes | None:
    return found.code if found is not None else None


def test_what_was_put_is_found_again_by_url_or_by_checksum(tmp_path: Path) -> None:
    ModuleCache(tmp_path / "cache").put(reference(URL), module(CODE))
    cache = ModuleCache(tmp_path / "cache")
    assert code_of(cache.get(reference(URL))) == CODE
    assert code_of(cache.get(reference("https://elsewhere.example.com/b.wasm", sha256(CODE)))) == CODE
    assert cache.get(reference("https://elsewhere.example.com/b.wasm")) is None
    assert cache.get(reference(URL, sha256(OTHER))) is None


def test_everything_is_for_its_owner_alone(tmp_path: Path) -> None:
    ModuleCache(tmp_path / "cache").put(reference(URL), module(CODE))
    for path in (tmp_path / "cache").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    assert not list((tmp_path / "cache").rglob(".*"))


def test_what_was_changed_on_disk_is_not_used(tmp_path: Path) -> None:
    cache = ModuleCache(tmp_path)
    cache.put(reference(URL), module(CODE))
    (tmp_path / "blobs" / sha256(CODE)).write_bytes(OTHER)
    assert cache.get(reference(URL)) is None


def test_what_was_used_least_recently_goes_first(tmp_path: Path) -> None:
    codes = [CODE + bytes([0, 2, 1, number]) for number in range(4)]
    cache = ModuleCache(tmp_path, max_bytes=3 * len(codes[0]))
    for number, code in enumerate(codes[:3]):
        cache.put(reference(f"{URL}{number}"), module(code))
        os.utime(tmp_path / "blobs" / sha256(code), (number, number))
    assert code_of(cache.get(reference(f"{URL}0"))) == codes[0], "which makes it the last one used"
    cache.put(reference(f"{URL}3"), module(codes[3]))
    kept = [cache.get(reference(f"{URL}{number}")) is not None for number in range(4)]
    assert kept == [True, False, True, True]
    assert len(list((tmp_path / "names").iterdir())) == 3


def test_a_folder_that_cannot_be_written_is_no_cache(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    cache = ModuleCache(tmp_path / "cache")
    cache.put(reference(URL), module(CODE))
    assert cache.get(reference(URL)) is None
