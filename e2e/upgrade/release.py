"""The release before this one, from the history of the checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import venv
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import Requirement

from e2e.program import Program

_PACKAGES = ("xds", "translators")


@dataclass(frozen=True, slots=True)
class Release:
    """what: what it is, for whoever reads the test's output."""

    what: str
    program: Program


def release_before(repository: Path, folder: Path) -> Release:
    """The last release before what is checked out, unpacked in a new folder; this checkout's own if it knows of none.

    It uses what is installed here, if that is what it asks for, and otherwise an environment of its own.
    """
    tag = tag_before(repository)
    if tag is None:
        folder.mkdir()
        for package in _PACKAGES:
            shutil.copytree(repository / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
        return Release("a copy of this checkout, which knows no earlier release", Program(folder))
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["tar", "-x", "-C", str(folder)], input=_git(repository, "archive", tag), check=True)
    if missing := unmet(folder / "pyproject.toml"):
        return Release(f"{tag}, with {', '.join(missing)} installed for it", Program(folder, _install(folder)))
    return Release(tag, Program(folder))


def tag_before(repository: Path) -> str | None:
    """The tag of the last release that what is checked out comes after; None without tags, history, or git itself."""
    try:
        before = _tags(repository, "--merged", "HEAD")
        here = set(_tags(repository, "--points-at", "HEAD"))
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"no history can be read: {error}", file=sys.stderr)
        return None
    return next((tag for tag in before if tag not in here), None)


def unmet(project: Path) -> list[str]:
    """What a release asks for in its pyproject.toml and is not installed here."""
    asked = map(Requirement, tomllib.loads(project.read_text())["project"]["dependencies"])
    return [str(each) for each in asked if not _is_met(each)]


def _is_met(asked: Requirement) -> bool:
    try:
        return asked.specifier.contains(version(asked.name), prereleases=True)
    except PackageNotFoundError:
        return False


def _install(source: Path) -> str:
    """Makes an environment with what a release asks for, Envoy left out; returns its interpreter."""
    venv.create(source / ".venv", with_pip=True)
    python = str(source / ".venv" / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", str(source)], check=True)
    return python


def _tags(repository: Path, *which: str) -> list[str]:
    """The newest first."""
    found = _git(
        repository, "-c", "versionsort.suffix=-", "tag", *which, "--list", "v[0-9]*", "--sort=-version:refname"
    )
    return found.decode().split()


def _git(repository: Path, *arguments: str) -> bytes:
    argv = ["git", "-c", f"safe.directory={repository}", "-C", str(repository), *arguments]
    return subprocess.run(argv, check=True, capture_output=True).stdout
