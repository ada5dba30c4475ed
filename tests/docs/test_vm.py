"""The guide for virtual machines: its units are valid, and what it says that we say, we do say."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "vm.md").read_text()
PROGRAM = "/opt/pilothouse/bin/pilothouse"


def units() -> dict[str, str]:
    """By the name of the file that the guide gives them."""
    found = re.findall(r"`/etc/systemd/system/([a-z-]+\.service)`:\n\n```ini\n(.*?)```", PAGE, re.DOTALL)
    return dict(found)


def messages() -> list[str]:
    """The first column of the tables whose heading is "it says", without what varies."""
    tables = re.findall(r"^\| it says \|.*?\n\|---\|---\|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    return [said for table in tables for said in re.findall(r"^\| `([^`]+)`", table, re.MULTILINE)]


def test_the_units_are_valid(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("needs systemd-analyze (Debian: systemd)")
    assert units().keys() == {"pilothouse-capture.service", "pilothouse-agent.service"}
    for name, text in units().items():
        assert PROGRAM in text
        (tmp_path / name).write_text(text.replace(PROGRAM, "/bin/true"))
    argv = [program, "verify", "--man=no", *(str(tmp_path / name) for name in units())]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("said", messages())
def test_what_is_said_is_what_the_program_says(said: str) -> None:
    sources = (path.read_text() for path in (ROOT / "xds").rglob("*.py"))
    joined = (re.sub(r'"\s*\n\s*f?"', "", source) for source in sources)  # texts that are written over several lines
    assert any(said in source for source in joined)


def test_messages_are_found() -> None:
    assert len(messages()) > 15
