"""Which regular expressions RE2 takes."""

from __future__ import annotations

import re
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xds.config.kinds.re2 import MAX_LENGTH, check_re2, parse_re2


@pytest.mark.parametrize(
    "pattern",
    [
        "a|b|",
        "^/api/v[0-9]+/.*$",
        "^(.*?;)?(user=jason)(;.*)?$",
        "(?i)abc",
        "a(?i)b",
        "(?i:abc)",
        "(?P<name>a)",
        "(?<name>a)",
        "(?:a{2,3}?)*",
        r"\pL\p{Greek}\P{^Lu}",
        r"[[:alpha:]_]+\z",
        r"\Qa.b(\E+",
        r"[]a]",
        r"[^]a-]",
        r"[\x41-\x{5A}\n\.\-\]]",
        r"\bfoo\B\d\W",
        r"\x{10FFFF}\07\123",
        "a{,3}",
        "x{1000}",
        "é+",
    ],
)
def test_accepts_what_re2_accepts(pattern: str) -> None:
    assert check_re2(pattern) is None
    assert parse_re2(pattern) == pattern


@pytest.mark.parametrize(
    ("pattern", "because"),
    [
        ("", "empty"),
        ("(?=a)", "look-ahead"),
        ("(?!a)", "look-ahead"),
        ("(?<=a)b", "look-behind"),
        ("(?<!a)b", "look-behind"),
        (r"(a)\1", "back-reference"),
        ("(?P<x>a)(?P=x)", "back-reference"),
        ("(?>a)", "atomic"),
        ("(?(1)a|b)", "conditional"),
        ("(?#note)a", "comment"),
        ("(?x)a", "no group"),
        ("a++", "repetition"),
        ("a**", "repetition"),
        ("a{2}{3}", "repetition"),
        ("*", "nothing to repeat"),
        ("(|+a)", "nothing to repeat"),
        ("a{1001}", "1000"),
        ("a{3,2}", "in order"),
        ("(a", "not closed"),
        ("a)", "no '('"),
        ("[a", "not closed"),
        ("[", "not closed"),
        ("[z-a]", "not in order"),
        (r"[a-\d]", "not in order"),
        (r"[\Z]", "escape"),
        (r"a\Z", "escape"),
        (r"\u0041", "escape"),
        ("a\\", "ends the expression"),
        ("a" * (MAX_LENGTH + 1), "at most"),
    ],
)
def test_says_what_re2_rejects(pattern: str, because: str) -> None:
    reason = check_re2(pattern)
    assert reason is not None
    assert because in reason
    with pytest.raises(ValueError, match=re.escape(reason)):
        parse_re2(pattern)


@given(st.text(alphabet=r"ab01^$.*+?|()[]{},-\:=!<>PQEdwzi", max_size=12))
def test_never_fails_and_accepts_nothing_that_has_no_meaning_at_all(pattern: str) -> None:
    """What both dialects write alike, both judge alike. RE2 alone repeats what has no width."""
    reason = check_re2(pattern)
    if reason is None and not re.search(r"\\[^dw]|\(\?|\[.*\[|\{,|[*+?}]\{|-|[\^$][*+?{]", pattern):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(pattern)
