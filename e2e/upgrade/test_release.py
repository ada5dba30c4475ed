"""Which release is the one before, and what it asks for."""

from __future__ import annotations

import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from e2e.upgrade.release import release_before, tag_before, unmet


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with the packages of a release, and one commit."""
    folder = tmp_path / "checkout"
    for package in ("xds", "translators"):
        (folder / package).mkdir(parents=True)
        (folder / package / "__init__.py").touch()
    (folder / "pyproject.toml").write_text("[project]\ndependencies = []\n")
    git(folder, "init", "--quiet")
    commit(folder, "0.1.0")
    return folder


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.com")
    subprocess.run(["git", *who, "-C", str(folder), *arguments], check=True)


def commit(folder: Path, text: str) -> None:
    (folder / "xds" / "version.py").write_text(text)
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", text)


def test_it_is_the_last_tag_that_is_not_what_is_checked_out(checkout: Path) -> None:
    for number in ("9.0", "10.0", "11.0-rc1", "11.0"):
        commit(checkout, f"0.{number}")
        git(checkout, "tag", f"v0.{number}")
    assert tag_before(checkout) == "v0.11.0-rc1"
    commit(checkout, "0.12.0.dev0")
    assert tag_before(checkout) == "v0.11.0"
    git(checkout, "checkout", "--quiet", "v0.10.0")
    assert tag_before(checkout) == "v0.9.0"


def test_its_source_is_that_of_the_tag(checkout: Path, tmp_path: Path) -> None:
    git(checkout, "tag", "v0.1.0")
    commit(checkout, "0.2.0")
    found = release_before(checkout, tmp_path / "before")
    assert (found.what, found.program.source) == ("v0.1.0", tmp_path / "before")
    assert (tmp_path / "before" / "xds" / "version.py").read_text() == "0.1.0"


@pytest.mark.parametrize("history", [True, False])
def test_a_checkout_without_releases_stands_in_for_one(checkout: Path, tmp_path: Path, history: bool) -> None:
    if not history:
        (checkout / ".git").rename(tmp_path / "gone")
    found = release_before(checkout, tmp_path / "before")
    assert found.what == "a copy of this checkout, which knows no earlier release"
    assert (tmp_path / "before" / "xds" / "version.py").read_text() == "0.1.0"


def test_what_it_asks_for_is_compared_with_what_is_installed(tmp_path: Path) -> None:
    project = tmp_path / "pyproject.toml"
    installed = f"pytest=={version('pytest')}"
    project.write_text(f'[project]\ndependencies = ["{installed}", "pytest<1", "no-such-distribution"]\n')
    assert unmet(project) == ["pytest<1", "no-such-distribution"]
