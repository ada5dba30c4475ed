"""Registered workloads on disk."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from xds.app.remembered import RememberedEntries

ENTRIES = {"registered:shop/vms-10.0.0.1": "kind: WorkloadEntry\n"}


def test_what_was_saved_is_loaded_for_its_own_configuration(tmp_path: Path) -> None:
    RememberedEntries(tmp_path / "kept", tmp_path / "one").save(ENTRIES)

    assert RememberedEntries(tmp_path / "kept", tmp_path / "one").load() == ENTRIES
    assert RememberedEntries(tmp_path / "kept", tmp_path / "other").load() == {}
    (path,) = (tmp_path / "kept").iterdir()
    assert [stat.S_IMODE(each.stat().st_mode) for each in (path.parent, path)] == [0o700, 0o600]


def test_nothing_is_kept_of_nobody(tmp_path: Path) -> None:
    remembered = RememberedEntries(tmp_path, tmp_path)
    remembered.save(ENTRIES)
    remembered.save({})

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"a": 1}', "null"])
def test_a_file_that_cannot_be_read_is_nothing(tmp_path: Path, content: str) -> None:
    remembered = RememberedEntries(tmp_path, tmp_path)
    remembered.save(ENTRIES)
    (path,) = tmp_path.iterdir()
    path.write_text(content)

    assert remembered.load() == {}


def test_a_file_of_a_newer_version_is_told_and_nothing(tmp_path: Path) -> None:
    remembered = RememberedEntries(tmp_path, tmp_path)
    remembered.save(ENTRIES)
    (path,) = tmp_path.iterdir()
    path.write_text('{"version": 2, "entries": []}')

    with capture_logs() as logs:
        assert remembered.load() == {}

    assert "written by a newer version" in logs[0]["reason"]


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert not RememberedEntries(tmp_path / "file", tmp_path).save(ENTRIES)


def test_files_that_nobody_has_used_for_long_are_removed(tmp_path: Path) -> None:
    RememberedEntries(tmp_path, tmp_path / "one").save(ENTRIES)
    (path,) = tmp_path.iterdir()
    os.utime(path, (0, 0))

    RememberedEntries(tmp_path, tmp_path / "other").load()

    assert list(tmp_path.iterdir()) == []
