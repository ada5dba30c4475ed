"""Writes ``docs/analysis.md``: every code that a finding can have, what it says, and what to do.

Run by ``make docs``, as ``python -m docs.generate_messages``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from xds.config.analysis import MESSAGES, Message

TARGET = Path(__file__).with_name("analysis.md")

_INTRO = """# Analysis

`pilothouse analyze PATH...` reads files and folders as `serve` would, all of it together, and says what the objects say
against each other, what they name that is not there, and what has no effect. Each finding has a code, a file and a
line, and ends with what to do:

```
Error [IST0109] (VirtualService b.default b.yaml:1) spec.hosts: VirtualService/a.default at a.yaml:1 routes reviews ...
```

The codes are Istio's where it has one (`istioctl analyze`), else a few words. `-o json` has istioctl's keys. It
exits with 79 if a finding is at or above `--failure-threshold` (`Error`, unless given), in every output format; with 65
if a file cannot be parsed. A running server says the same on `/debug/analysis`, where selectors are also compared with
the proxies that are connected. `pilothouse validate` says only what concerns one object or keeps it from taking effect.

This page is written by `make docs`.
"""


def document() -> str:
    """The whole page."""
    by_code: dict[str, list[str]] = defaultdict(list)
    for code, message in MESSAGES.items():
        by_code[message.code].append(code)
    ordered = sorted(by_code.items(), key=lambda item: (not item[0].startswith("IST"), item[0]))
    return "\n".join([_INTRO, *(line for code, found in ordered for line in _section(code, found))])


def _section(code: str, diagnostics: Sequence[str]) -> Iterator[str]:
    messages = [MESSAGES[each] for each in diagnostics]
    yield f"## {code}\n"
    yield f"{messages[0].name}, {_level(messages[0])}. {messages[0].meaning}\n"
    for remedy in dict.fromkeys(message.remedy for message in messages):
        told = [f"`{each}`" for each in diagnostics if MESSAGES[each].remedy == remedy]
        where = f" ({', '.join(told)})" if len(messages) > 1 else ""
        yield f"- {remedy}{where}"
    if len(messages) > 1:
        yield "\nThe words in parentheses are the codes of `pilothouse validate` and the log."
    elif diagnostics[0] != code:
        yield f"\n`pilothouse validate` and the log call it `{diagnostics[0]}`, where they say it."
    yield ""


def _level(message: Message) -> str:
    return f"level {message.level.value.title()}" if message.level else "at the level of each finding"


if __name__ == "__main__":
    TARGET.write_text(document())
