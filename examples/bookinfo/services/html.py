"""The page as HTML. Pure: everything it shows is an argument, and everything shown is escaped."""

from __future__ import annotations

from html import escape

from examples.bookinfo.services.html_answers import answers
from examples.bookinfo.services.html_stars import star_row, star_words
from examples.bookinfo.services.shapes import Details, Failure, Review, Reviews

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Bookinfo</title>
<link rel="icon" href="/static/star.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/bookinfo.css">
</head>
<body>
<header>
<h1>Bookinfo</h1>
{account}
</header>
<main>
{details}
{reviews}
{answers}
</main>
</body>
</html>
"""

_ANONYMOUS = """<form method="post" action="/login">
<label for="username">User name</label>
<input id="username" name="username" maxlength="64" required autocomplete="username" autocapitalize="none">
<button>Sign in</button>
<p>There is no password. Try <b>jason</b>.</p>
</form>"""

_SIGNED_IN = '<p>Signed in as <strong id="user">{user}</strong> <a class="button" href="/logout">Sign out</a></p>'


def render(
    instance: str, version: str, user: str | None, details: Details | Failure, reviews: Reviews | Failure
) -> str:
    """The whole page, with an error box in place of each part that failed. instance, version: who renders it."""
    return _PAGE.format(
        account=_SIGNED_IN.format(user=escape(user)) if user else _ANONYMOUS,
        details=_details(details),
        reviews=_reviews(reviews),
        answers=answers(instance, version, details, reviews),
    )


def _details(details: Details | Failure) -> str:
    if isinstance(details, Failure):
        return _error("details", "Book details are not available right now.", details)
    facts = {
        "Author": details.author,
        "Published": f"{details.year}, {details.publisher}",
        "Pages": str(details.pages),
        "Language": details.language,
    }
    rows = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())
    title = escape(details.title)
    return (
        f'<section id="details"><div class="cover" aria-hidden="true">{title}</div>'
        f"<div><h2>{title}</h2><dl>{rows}</dl></div></section>"
    )


def _reviews(reviews: Reviews | Failure) -> str:
    if isinstance(reviews, Failure):
        return _error("reviews", "Reviews are not available right now.", reviews)
    items = "\n".join(_review(review, reviews.star_color) for review in reviews.reviews)
    version, instance = escape(reviews.version), escape(reviews.instance)
    return (
        f'<section id="reviews" data-version="{version}" data-ratings="{reviews.ratings.status}">\n'
        f'<h2>Reviews <span class="badge {reviews.star_color or "none"}">{version}, {star_words(reviews)}</span></h2>\n'
        f"{items}\n{_ratings_note(reviews)}"
        f'<p class="origin">Reviews served by <strong>{instance}</strong>, version {version}</p></section>'
    )


def _review(review: Review, color: str | None) -> str:
    stars = "" if review.stars is None else star_row(review.stars, color or "black")
    return (
        f"<figure>{stars}<blockquote>{escape(review.text)}</blockquote>"
        f"<figcaption>{escape(review.reviewer)}</figcaption></figure>"
    )


def _ratings_note(reviews: Reviews) -> str:
    failure = reviews.ratings.error
    return "" if failure is None else _error("ratings", "Ratings are not available right now.", failure)


def _error(part: str, text: str, failure: Failure) -> str:
    return (
        f'<section class="error" id="{part}-error" data-reason="{failure.reason}"><p>{text}</p>'
        f"<p><small>{escape(failure.message)}</small></p></section>"
    )
