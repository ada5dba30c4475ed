"""AuthorizationPolicy: what the small languages in it mean, and what is refused before a proxy could see it."""

from __future__ import annotations

import re
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from xds.config.kinds.authorization_key import parse_key
from xds.config.kinds.path_template import check_path
from xds.model.authorization import Attribute

NAMES = st.text("ab.-/ :", min_size=1)


@given(NAMES, NAMES)
def test_claims_are_in_one_another_and_other_indexes_are_not(outer: str, inner: str) -> None:
    assert parse_key(f"request.auth.claims[{outer}][{inner}]") == (Attribute.REQUEST_CLAIM, (outer, inner))
    assert parse_key(f"request.headers[{outer}]") == (Attribute.REQUEST_HEADER, (outer,))
    for key in (f"request.headers[{outer}][{inner}]", f"experimental.envoy.filters.a[{outer}][{inner}]"):
        with pytest.raises(ValueError, match="is not a key"):
            parse_key(key)


def test_a_filter_of_envoy_is_named_in_full() -> None:
    found = parse_key("experimental.envoy.filters.network.mysql_proxy[db.table]")
    assert found == (Attribute.FILTER_METADATA, ("envoy.filters.network.mysql_proxy", "db.table"))


@given(st.text("sourceip.[]request.headers", max_size=30))
@example("source.ip[")
@example("request.headers[]")
@example("request.auth.claims")
@example("experimental.envoy.filters.[a]")
@example("request.headers[a]" * 1000)
def test_whatever_else_is_no_key(key: str) -> None:
    if key in {attribute.value for attribute in Attribute if "." in attribute.value}:
        return
    if re.fullmatch(r"request\.headers\[[^\[\]]+\]", key):
        return
    with pytest.raises(ValueError, match="is not a key"):
        parse_key(key)


ENVOYS_LITERAL: Final = "abcXYZ019-._~%!$&'()+,;:@="
SEGMENTS = st.lists(st.one_of(st.just("{*}"), st.text(ENVOYS_LITERAL, min_size=1, max_size=4)), max_size=4)


@given(SEGMENTS, st.booleans(), st.lists(st.text(ENVOYS_LITERAL, min_size=1, max_size=4), max_size=2), st.booleans())
def test_a_template_has_any_number_of_stars_and_then_one_for_the_rest(
    before: list[str], rest: bool, after: list[str], slash: bool
) -> None:
    segments = [*before, *(["{**}"] if rest else []), *after]
    path = "/" + "/".join(segments) + ("/" if slash and segments else "")
    check_path(path if any("{" in each for each in segments) else "/{*}" + path.rstrip("/"))


@pytest.mark.parametrize(
    "path",
    ["/{*}a", "/a{**}", "/{}", "/{a}", "/{**}/{*}", "/{**}/{**}", "/{*}/*", "/{*}//a", "a/{*}", "/{*}/a b", "/{*}/é"],
)
def test_what_envoy_could_not_read_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"template|may come after"):
        check_path(path)


def test_a_template_is_as_long_as_envoy_takes_it() -> None:
    check_path("/{*}/" + "a" * 253)
    with pytest.raises(ValueError, match="at most 256"):
        check_path("/{*}/" + "a" * 254)


@given(st.text(st.characters(exclude_characters="{}"), max_size=20))
def test_without_braces_any_text_is_a_path(path: str) -> None:
    check_path(path)
