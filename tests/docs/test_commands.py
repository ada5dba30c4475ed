"""Every command of ours that a page shows to be typed, or that a unit runs, has the options that it is given."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from xds.app.cli import app

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*/README.md")])
_ENDS = frozenset({"|", "||", "&", "&&", ";", ">", ">>", "<", "(", ")", ");"})


def commands(text: str) -> Iterator[list[str]]:
    """The arguments of each, from blocks of shell and of units."""
    for block in re.findall(r"^```(?:sh|ini)\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        for line in block.replace("\\\n", " ").splitlines():
            lexer = shlex.shlex(
                line.removeprefix("ExecStart=").removeprefix("ExecStop="), posix=True, punctuation_chars=True
            )
            lexer.whitespace_split = True
            words = list(lexer)
            for place in [number for number, word in enumerate(words) if Path(word).name == "pilothouse"]:
                if place == 0 or words[place - 1] in _ENDS | {"sudo"}:
                    yield list(takewhile(lambda word: word not in _ENDS, words[place + 1 :]))


def problem(arguments: list[str]) -> str:
    """Why this cannot be asked for; empty if it can. Help is asked for as well, so that nothing is done."""
    place = next((number for number, word in enumerate(arguments) if word.startswith("-")), len(arguments))
    result = CliRunner().invoke(app, [*arguments[:place], "--help", *arguments[place:]])
    return result.output if result.exit_code else ""


SHOWN = [
    pytest.param(arguments, id=f"{page.name}: {' '.join(arguments)[:60]}")
    for page in PAGES
    for arguments in commands(page.read_text())
]


@pytest.mark.parametrize("arguments", SHOWN)
def test_it_is_there(arguments: list[str]) -> None:
    assert problem(arguments) == ""


def test_they_are_found_and_compared() -> None:
    assert len(SHOWN) > 30
    assert "--no-such" in problem(["ca", "status", "--ca-dir", "ca", "--no-such"])
    assert "sing" in problem(["sing"])
