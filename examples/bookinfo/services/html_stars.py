"""Stars, for eyes and for ears."""

from __future__ import annotations

from examples.bookinfo.services.shapes import Reviews

MAX_STARS = 5


def star_row(count: int, color: str) -> str:
    """A row of five stars, of which ``count`` are full."""
    full = max(0, min(MAX_STARS, count))
    symbols = "\N{BLACK STAR}" * full + "\N{WHITE STAR}" * (MAX_STARS - full)
    return f'<span class="stars {color}" role="img" aria-label="{full} of {MAX_STARS} stars">{symbols}</span>'


def star_words(reviews: Reviews) -> str:
    """Which stars this version of reviews shows, for whoever cannot tell colours apart."""
    return f"{reviews.star_color or 'no'} stars"
