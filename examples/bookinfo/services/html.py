"""The page as HTML. Pure: everything it shows is an argument, and everything shown is escaped."""

from __future__ import annotations

from html import escape

from examples.bookinfo.services.shapes import Details, Failure, Review, Reviews

MAX_STARS = 5

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Bookinfo</title>
<link rel="stylesheet" href="/static/bookinfo.css">
</head>
<body>
<header><strong>Bookinfo</strong>{account}</header>
<main>
{details}
{reviews}
</main>
<footer>page by {instance}</footer>
</body>
</html>
"""

_ANONYMOUS = """<form method="post" action="/login">
<label>User name <input name="username" maxlength="64" required autocomplete="username"></label>
<button>Sign in</button>
</form>"""

_SIGNED_IN = '<span>Signed in as <strong id="user">{user}</strong> <a href="/logout">Sign out</a></span>'


def render(instance: str, user: str | None, details: Details | Failure, reviews: Reviews | Failure) -> str:
    """The whole page, with an error box in place of each part that failed."""
    return _PAGE.format(
        account=_SIGNED_IN.format(user=escape(user)) if user else _ANONYMOUS,
        details=_details(details),
        reviews=_reviews(reviews),
        instance=escape(instance),
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
    return f'<section id="details"><h1>{escape(details.title)}</h1><dl>{rows}</dl></section>'


def _reviews(reviews: Reviews | Failure) -> str:
    if isinstance(reviews, Failure):
        return _error("reviews", "Reviews are not available right now.", reviews)
    items = "\n".join(_review(review, reviews.star_color) for review in reviews.reviews)
    note = _ratings_note(reviews)
    version, instance = escape(reviews.version), escape(reviews.instance)
    return (
        f'<section id="reviews" data-version="{version}" data-ratings="{reviews.ratings.status}"><h2>Reviews</h2>\n'
        f"{items}\n{note}"
        f'<p class="origin">Reviews served by <strong>{instance}</strong>, version {version}</p></section>'
    )


def _review(review: Review, color: str | None) -> str:
    stars = "" if review.stars is None else _stars(review.stars, color or "black")
    return f"<article><p>{escape(review.text)}</p><p>{escape(review.reviewer)} {stars}</p></article>"


def _stars(count: int, color: str) -> str:
    full = max(0, min(MAX_STARS, count))
    symbols = "\N{BLACK STAR}" * full + "\N{WHITE STAR}" * (MAX_STARS - full)
    return f'<span class="stars {color}" aria-label="{full} of {MAX_STARS} stars">{symbols}</span>'


def _ratings_note(reviews: Reviews) -> str:
    failure = reviews.ratings.error
    return "" if failure is None else _error("ratings", "Ratings are not available right now.", failure)


def _error(part: str, text: str, failure: Failure) -> str:
    return (
        f'<section class="error" id="{part}-error" data-reason="{failure.reason}"><p>{text}</p>'
        f"<p><small>{escape(failure.message)}</small></p></section>"
    )
