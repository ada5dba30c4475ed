"""Names of headers that stand for claims."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xds.model.claims import CLAIMS, claim_path, is_claim


@pytest.mark.parametrize(
    ("written", "path"),
    [
        (".group", ("group",)),
        (".group.id", ("group", "id")),
        ("[group]", ("group",)),
        ("[group][id]", ("group", "id")),
        ("[example.com/group][a b]", ("example.com/group", "a b")),
    ],
)
def test_a_claim_within_others(written: str, path: tuple[str, ...]) -> None:
    assert is_claim(f"{CLAIMS}{written}")
    assert claim_path(f"{CLAIMS}{written}") == path


def test_only_claims_keep_their_case() -> None:
    name = "@Request.Auth.Claims[Group]"
    assert is_claim(name)
    assert claim_path(name) == ("Group",)


def test_headers_are_no_claims() -> None:
    assert not any(map(is_claim, ("", "x-claims", "request.auth.claims[a]", "@request.auth.principal")))


_NAME = st.text(st.characters(exclude_characters="[]"), min_size=1)


@given(st.lists(_NAME, min_size=1))
def test_brackets_take_any_name(names: list[str]) -> None:
    assert claim_path(CLAIMS + "".join(f"[{name}]" for name in names)) == tuple(names)


@given(st.text())
def test_any_text_names_a_claim_or_is_refused(text: str) -> None:
    try:
        path = claim_path(CLAIMS + text)
    except ValueError as error:
        assert "names no claim" in str(error)  # noqa: PT017 - either outcome is right
    else:
        assert path
        assert all(path)
