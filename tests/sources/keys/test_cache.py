"""Keys on disk: for their owner alone, and none if they are damaged."""

from __future__ import annotations

import os
from pathlib import Path

from tests.sources.keys.kit import ONE, OTHER, reference
from xds.config.jwks import parse_jwks
from xds.sources.keys.cache import KeyCache

KEYS = parse_jwks(ONE.decode())


def test_what_was_kept_is_there_by_issuer_and_url(tmp_path: Path) -> None:
    cache = KeyCache(tmp_path / "a" / "b")
    assert cache.get(reference("https://a/")) is None
    cache.put(reference("https://a/"), KEYS)
    cache.put(reference("https://b/"), parse_jwks(OTHER.decode()))
    again = KeyCache(tmp_path / "a" / "b")
    assert again.get(reference("https://a/", seconds=1)) == KEYS, "how long to wait for an answer does not matter"
    assert again.get(reference("https://a/", issuer="another")) is None


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    KeyCache(tmp_path / "jwks").put(reference("https://a/"), KEYS)
    (file,) = (tmp_path / "jwks").iterdir()
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_what_is_damaged_is_not_there(tmp_path: Path) -> None:
    cache = KeyCache(tmp_path)
    cache.put(reference("https://a/"), KEYS)
    (file,) = tmp_path.iterdir()
    for content in (b"", b"{", b'{"keys": []}', b"\xff"):
        file.write_bytes(content)
        assert cache.get(reference("https://a/")) is None


def test_the_oldest_goes_when_there_are_many(tmp_path: Path) -> None:
    cache = KeyCache(tmp_path, max_files=2)
    for number in range(3):
        cache.put(reference(f"https://{number}/"), KEYS)
        for file in tmp_path.glob("*.json"):
            status = file.stat()
            os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns - 1_000_000_000))
    assert [cache.get(reference(f"https://{number}/")) is not None for number in range(3)] == [False, True, True]


def test_a_folder_that_cannot_be_made_is_no_cache(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = KeyCache(tmp_path / "file" / "jwks")
    cache.put(reference("https://a/"), KEYS)
    assert cache.get(reference("https://a/")) is None
