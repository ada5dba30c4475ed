"""Whatever stands where PEM should: it is read, or refused with words that show nothing of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.certificates import Authority
from xds.config.pem import certificates, private_key, revocation_lists

ROOT = Authority("root")
LEAF = ROOT.issue("leaf")
TEXTS = (LEAF.chain, LEAF.key_pem, ROOT.pem, ROOT.revoke(LEAF), ROOT.pem + LEAF.chain)
READERS: tuple[Callable[[bytes], object], ...] = (certificates, private_key, revocation_lists)


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """PEM in which something was cut out, doubled, or overwritten."""
    content = bytearray("".join(draw(st.lists(st.sampled_from(TEXTS), max_size=3))).encode())
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(content)))
        end = draw(st.integers(start, min(len(content), start + 80)))
        twice = bytes(content[start:end]) * 2
        content[start:end] = draw(st.one_of(st.just(b""), st.binary(max_size=20), st.just(twice)))
    return bytes(content)


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.__name__)
@given(content=st.one_of(spoilt(), st.binary(max_size=200)))
def test_it_is_read_or_refused_without_being_shown(reader: Callable[[bytes], object], content: bytes) -> None:
    reason = refusal(reader, content)
    words = [word for word in content.decode("latin-1").split() if len(word) >= 16 and "-----" not in word]
    assert not any(word[:16] in reason for word in words)


def refusal(reader: Callable[[bytes], object], content: bytes) -> str:
    """The reasons that a log would show, that behind the error included; nothing if there is none."""
    try:
        reader(content)
    except ValueError as error:
        behind = None if error.__suppress_context__ else error.__context__
        return f"{error} {behind}"
    return ""
