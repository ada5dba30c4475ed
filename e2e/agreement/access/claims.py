"""Hypothesis strategies for conditions on what filters have noted: the claims of a token."""

from __future__ import annotations

from typing import Final

from envoy_data_plane.envoy.type.matcher.v3 import (
    DoubleMatcher,
    ListMatcher,
    MetadataMatcher,
    MetadataMatcherPathSegment,
    OrMatcher,
    RegexMatcher,
    StringMatcher,
    ValueMatcher,
    ValueMatcherNullMatch,
)
from envoy_data_plane.envoy.type.v3 import DoubleRange
from hypothesis import strategies as st

from e2e.agreement.access.tokens import ISSUERS
from xds.explain.access.jwt_authn import NOTES

_PATHS: Final = (
    *(("payload", name) for name in ("iss", "iss", "sub", "sub", "aud", "scope", "groups", "level", "admin", "none")),
    *(("payload", "deep", "er"), ("payload", "deep"), ("payload", "no"), ("other", "sub"), ("payload", "iss", "x")),
)
_STRINGS: Final = st.one_of(
    st.builds(StringMatcher, exact=st.sampled_from((*ISSUERS, "alice", "x", "read", "read write", "shop"))),
    st.builds(StringMatcher, prefix=st.sampled_from(("a", "https://"))),
    st.just(StringMatcher(safe_regex=RegexMatcher(regex=".+"))),
)
_LEAVES: Final = st.one_of(
    st.builds(ValueMatcher, string_match=_STRINGS),
    st.builds(ValueMatcher, string_match=_STRINGS),
    st.just(ValueMatcher(present_match=True)),
    st.just(ValueMatcher(null_match=ValueMatcherNullMatch())),
    st.builds(ValueMatcher, bool_match=st.booleans()),
    st.builds(
        ValueMatcher,
        double_match=st.sampled_from((DoubleMatcher(exact=3.0), DoubleMatcher(range=DoubleRange(start=2.0, end=3.0)))),
    ),
)
_LISTS: Final = st.builds(ValueMatcher, list_match=st.builds(ListMatcher, one_of=_LEAVES))
_VALUES: Final = st.one_of(
    _LEAVES,
    _LISTS,
    st.builds(
        ValueMatcher,
        or_match=st.builds(OrMatcher, value_matchers=st.lists(st.one_of(_LEAVES, _LISTS), min_size=2, max_size=2)),
    ),
)
CLAIMS: Final = st.builds(
    MetadataMatcher,
    filter=st.just(NOTES),
    path=st.sampled_from(_PATHS).map(lambda path: [MetadataMatcherPathSegment(key=key) for key in path]),
    value=_VALUES,
    invert=st.sampled_from((False, False, True)),
)
