"""Nothing that a user can write makes the configuration fail: the documents of all goldens, changed at random."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from xds.config.configuration import Configuration
from xds.config.yaml import parse_documents
from xds.model.diagnostic import Severity

GOLDENS = Path(__file__).parents[1] / "goldens" / "config"
VALUES = (None, "", "x", "*", "a.example.com", "10.0.0.1", "::1", "80", "unix:///a", 0, 1, 80, -1, 70000, 1.5, True)
FILES: list[list[object]] = [
    list(yaml.safe_load_all(path.read_text())) for path in sorted(GOLDENS.glob("*/input.yaml"))
]


@st.composite
def files(draw: st.DrawFn) -> list[object]:
    """The documents of one golden with up to four values replaced, repeated or taken out."""
    documents = deepcopy(draw(st.sampled_from(FILES)))
    for _ in range(draw(st.integers(1, 4))):
        spoil(draw, documents)
    return documents


def spoil(draw: st.DrawFn, value: object) -> None:
    """Change one place somewhere below."""
    if isinstance(value, dict) and value:
        key: object = draw(st.sampled_from(sorted(value)))
        place: object = value[key]
    elif isinstance(value, list) and value:
        key = draw(st.integers(0, len(value) - 1))
        place = value[key]
    else:
        return
    if isinstance(place, dict | list) and place and draw(st.integers(0, 5)):
        spoil(draw, place)
        return
    replace(draw, value, key)


def replace(draw: st.DrawFn, container: dict[object, object] | list[object], key: object) -> None:
    if isinstance(container, list) and isinstance(key, int) and draw(st.booleans()):
        container.append(deepcopy(container[key]))
    elif isinstance(container, dict):
        container[key] = draw(st.sampled_from(VALUES) | st.just([]) | st.just({}))


IN_FORCE_NEVERTHELESS = {
    "duplicate-object",  # one of the two is
    "unknown-provider",  # it refuses what nobody can be asked about
}
"""Errors of objects that are in force."""


@given(documents=files())
@settings(max_examples=200, deadline=None)
def test_every_document_is_either_in_force_or_explained(documents: list[object]) -> None:
    parsed = parse_documents(yaml.safe_dump_all(documents), "f.yaml")
    configuration = Configuration().apply({"f.yaml": parsed})
    in_force = configuration.mesh.objects.keys()
    wrong = {each.object for each in configuration.diagnostics if each.severity is Severity.ERROR}
    explained = {each.object for each in configuration.diagnostics}
    ended = {raw.key for raw in parsed.objects if raw.kind == "Pod"}
    assert {raw.key for raw in parsed.objects} <= in_force | explained | ended
    in_force_nevertheless = {each.object for each in configuration.diagnostics if each.code in IN_FORCE_NEVERTHELESS}
    assert not (wrong - in_force_nevertheless) & in_force
