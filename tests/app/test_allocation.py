"""What is freed is kept, and given back when that is asked for."""

from __future__ import annotations

import platform

from bench.stopwatch import current_rss
from xds.app.allocation import give_back, keep_what_was_freed

_PIECES, _PIECE_BYTES = 200, 100_000


def test_glibc_takes_the_setting_and_others_have_none() -> None:
    assert keep_what_was_freed() is (platform.libc_ver()[0] == "glibc")


def test_freed_memory_is_given_back() -> None:
    keep_what_was_freed()
    pieces = [b"x" * _PIECE_BYTES for _ in range(_PIECES)]
    with_pieces = current_rss()
    pieces.clear()
    give_back()
    assert with_pieces - current_rss() > _PIECES * _PIECE_BYTES / 2 / 1e6
