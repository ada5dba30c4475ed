"""How conditions on the claims of a token read what jwt_authn writes."""

from __future__ import annotations

from envoy_data_plane.envoy.type.matcher.v3 import StringMatcher

from translators.jwt import FILTER, PAYLOAD, claim_matcher


def test_a_claim_is_met_alone_and_in_a_list() -> None:
    matcher = claim_matcher(("realm", "roles"), StringMatcher(exact="admin"))
    assert matcher.filter == FILTER
    assert [segment.key for segment in matcher.path] == [PAYLOAD, "realm", "roles"]
    assert matcher.value is not None
    assert matcher.value.or_match is not None
    alone, listed = matcher.value.or_match.value_matchers
    assert alone.string_match == StringMatcher(exact="admin")
    assert listed.list_match is not None
    assert listed.list_match.one_of == alone


def test_presence_is_no_value() -> None:
    matcher = claim_matcher(("admin",), None, invert=True)
    assert matcher.invert
    assert matcher.value is not None
    assert matcher.value.present_match
