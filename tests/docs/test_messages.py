"""The page of messages is the catalogue."""

from __future__ import annotations

from docs.generate_messages import TARGET, document


def test_the_page_is_current() -> None:
    assert TARGET.read_text() == document(), "run `make docs`"
