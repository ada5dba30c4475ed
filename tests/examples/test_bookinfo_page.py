"""The page's parts as HTML: what is shown is escaped, whoever sends it."""

from __future__ import annotations

from examples.bookinfo.services.html_answers import answers
from examples.bookinfo.services.html_stars import star_row
from examples.bookinfo.services.shapes import Details, Failure, Reason


def test_a_caller_who_has_proven_an_identity_is_named() -> None:
    details = Details.model_validate(
        {"id": 0, "version": "v1", "instance": "<d>", "title": "t", "author": "a", "year": 1, "publisher": "p"}
        | {"pages": 1, "language": "l", "caller": "spiffe://a/<b>"}
    )
    failure = Failure(reason=Reason.STATUS, code=500, message="")
    assert "&lt;d&gt;<br><small>asked, by mutual TLS, by spiffe://a/&lt;b&gt;</small>" in answers(
        "p", "v1", details, failure
    )


def test_stars_are_told_to_whoever_cannot_see_them_and_are_never_more_than_five() -> None:
    stars = "\N{BLACK STAR}" * 4 + "\N{WHITE STAR}"
    assert star_row(4, "red") == f'<span class="stars red" role="img" aria-label="4 of 5 stars">{stars}</span>'
    assert 'aria-label="5 of 5 stars"' in star_row(9, "red")
    assert 'aria-label="0 of 5 stars"' in star_row(-1, "red")
