"""productpage: the shop's page, put together from details and reviews, as HTML and as JSON.

It waits 3 s for reviews and tries once more, so 6 s in all: a ratings service that is slower than that, behind the more
patient reviews (10 s), shows as missing reviews rather than as missing stars.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TypeVar

from aiohttp import web
from multidict import CIMultiDict

from examples.bookinfo.services.browsers import tell_browsers
from examples.bookinfo.services.html import render
from examples.bookinfo.services.login import PAGE, USER_HEADER, end_user, login, logout
from examples.bookinfo.services.neighbours import NeighbourError, Neighbours, forwarded_headers, neighbours_context
from examples.bookinfo.services.options import Options, Service
from examples.bookinfo.services.server import MAX_BODY_BYTES, PRODUCT_PATH, json_answer, product_id, run
from examples.bookinfo.services.shapes import Details, Failure, Ratings, Reviews, Shape

SERVICE = Service("productpage", neighbour_timeout=3.0)
REVIEWS_RETRIES = 1
STATIC = Path(__file__).parent / "static"
API = "/api/v1/products"
NEIGHBOURS = web.AppKey("neighbours", Neighbours)

S = TypeVar("S", bound=Shape)


class Part(Shape):
    """An answer of the JSON API: what one neighbour said about a product, or how it failed."""

    product: int
    user: str | None = None
    error: Failure | None = None
    details: Details | None = None
    reviews: Reviews | None = None
    ratings: Ratings | None = None


def build(options: Options) -> web.Application:
    """The application that answers ``/productpage``, the JSON API under ``/api/v1/products``, login and logout."""

    async def page(request: web.Request) -> web.Response:
        details, reviews = await asyncio.gather(_details(request, 0), _reviews(request, 0))
        text = render(options.instance, options.version, end_user(request), details, reviews)
        return web.Response(text=text, content_type="text/html")

    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app.cleanup_ctx.append(neighbours_context(options, NEIGHBOURS))
    app.on_response_prepare.append(tell_browsers)
    app.router.add_get("/", _to_page)
    app.router.add_get(PAGE, page)
    app.router.add_post("/login", login)
    app.router.add_get("/logout", logout)
    app.router.add_get(f"{API}/{PRODUCT_PATH}", _api_details)
    app.router.add_get(f"{API}/{PRODUCT_PATH}/reviews", _api_reviews)
    app.router.add_get(f"{API}/{PRODUCT_PATH}/ratings", _api_ratings)
    app.router.add_static("/static", STATIC)
    return app


async def _to_page(_request: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": PAGE})


async def _api_details(request: web.Request) -> web.Response:
    return _api_answer(request, await _details(request, product_id(request)))


async def _api_reviews(request: web.Request) -> web.Response:
    return _api_answer(request, await _reviews(request, product_id(request)))


async def _api_ratings(request: web.Request) -> web.Response:
    number = product_id(request)
    return _api_answer(request, await _ask(request, "ratings", f"ratings/{number}", Ratings))


def _api_answer(request: web.Request, answer: Details | Reviews | Ratings | Failure) -> web.Response:
    part = Part(
        product=product_id(request),
        user=end_user(request),
        error=answer if isinstance(answer, Failure) else None,
        details=answer if isinstance(answer, Details) else None,
        reviews=answer if isinstance(answer, Reviews) else None,
        ratings=answer if isinstance(answer, Ratings) else None,
    )
    return json_answer(part, status=part.error.code if part.error else 200)


async def _details(request: web.Request, number: int) -> Details | Failure:
    return await _ask(request, "details", f"details/{number}", Details)


async def _reviews(request: web.Request, number: int) -> Reviews | Failure:
    return await _ask(request, "reviews", f"reviews/{number}", Reviews, REVIEWS_RETRIES)


async def _ask(request: web.Request, host: str, path: str, shape: type[S], retries: int = 0) -> S | Failure:
    try:
        return await request.app[NEIGHBOURS].get(host, path, shape, _headers(request), retries)
    except NeighbourError as error:
        return error.failure


def _headers(request: web.Request) -> CIMultiDict[str]:
    headers = forwarded_headers(request)
    user = end_user(request)
    if user is not None:
        headers[USER_HEADER] = user
    return headers


if __name__ == "__main__":
    run(SERVICE, build)
