"""Each file in ``cases/`` is a configuration whose lines say, after ``#:``, which codes are to be found there."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from xds.config.analysis import MESSAGES, Finding, Selectable, analyse
from xds.config.configuration import Configuration
from xds.config.yaml import parse_documents
from xds.model.labels import Labels

CASES = sorted(Path(__file__).with_name("cases").glob("*.yaml"))
ASKED_FOR = frozenset(
    f"IST0{number}"
    for number in (
        101,
        103,
        106,
        109,
        110,
        111,
        112,
        118,
        127,
        128,
        129,
        130,
        131,
        132,
        133,
        134,
        145,
        149,
        161,
        166,
        167,
        173,
        174,
        177,
    )
)


def configuration(text: str) -> Configuration:
    """What one file says."""
    return Configuration().apply({"mesh.yaml": parse_documents(text, "mesh.yaml")})


def findings(text: str, *proxies: Selectable) -> tuple[Finding, ...]:
    """What there is to say of one file."""
    whole = configuration(text)
    return analyse(whole, whole.diagnostics, proxies)


def expected(text: str) -> Counter[tuple[int, str]]:
    """Line and code of what the comments promise."""
    found: Counter[tuple[int, str]] = Counter()
    for number, line in enumerate(text.splitlines(), 1):
        mark = re.search(r"#: (.*)$", line)
        found.update((number, code) for code in (mark.group(1).split() if mark else ()))
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_case_has_the_findings_that_it_promises_and_no_others(case: Path) -> None:
    text = case.read_text()
    promised = expected(text)
    assert promised
    assert Counter((each.diagnostic.origin.line, each.code) for each in findings(text)) == promised


def test_every_code_that_is_wanted_has_a_message_and_a_case() -> None:
    shown = {code for case in CASES for _, code in expected(case.read_text())}
    assert ASKED_FOR - shown == set()
    assert ASKED_FOR - {message.code for message in MESSAGES.values()} == set()


def test_the_worst_is_told_first() -> None:
    text = "\n---\n".join(case.read_text() for case in CASES)
    levels = [each.level.value for each in findings(text)]
    assert levels == sorted(levels, key=["error", "warning", "info"].index)
    assert set(levels) == {"error", "warning", "info"}


def test_a_connected_proxy_is_something_to_select() -> None:
    gateway = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: front}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, protocol: HTTP, name: http}, hosts: ["*"]}]
"""
    proxy = Selectable("default", Labels({"istio": "ingressgateway"}), "front-1")
    assert [each.code for each in findings(gateway)] == ["IST0101"]
    assert findings(gateway, proxy) == ()


def test_of_every_message_it_is_known_what_to_do() -> None:
    assert [code for code, message in MESSAGES.items() if not message.meaning or not message.remedy.endswith(".")] == []
