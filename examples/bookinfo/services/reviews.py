"""reviews: what readers think of a book. v1 shows no stars; v2 shows black and v3 red ones, which they ask ratings for.

If ratings fails, reviews still answers, and says so: missing stars are no reason to lose the text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from aiohttp import web

from examples.bookinfo.services.neighbours import NeighbourError, Neighbours, forwarded_headers, neighbours_context
from examples.bookinfo.services.options import Options, Service
from examples.bookinfo.services.server import MAX_BODY_BYTES, PRODUCT_PATH, caller, json_answer, product_id, run
from examples.bookinfo.services.shapes import Ratings, RatingsStatus, Review, Reviews

SERVICE = Service("reviews", versions=("v1", "v2", "v3"), neighbour_timeout=10.0)
STAR_COLORS: Mapping[str, Literal["black", "red"]] = {"v2": "black", "v3": "red"}
TEXTS = {
    "first-mate": "Sets out as an adventure and comes home as a library. Worth every page of the voyage.",
    "harpooner": "The chapters on whales are long; the chapters on people are better still.",
}
NEIGHBOURS = web.AppKey("neighbours", Neighbours)


def build(options: Options) -> web.Application:
    """The application that answers ``GET /reviews/{id}``."""

    async def reviews(request: web.Request) -> web.Response:
        number = product_id(request)
        color = STAR_COLORS.get(options.version)
        stars, status = await _stars(request, number) if color else ({}, RatingsStatus(status="off"))
        answer = Reviews(
            id=number,
            version=options.version,
            instance=options.instance,
            caller=caller(request),
            star_color=color,
            ratings=status,
            reviews=tuple(Review(reviewer=who, text=text, stars=stars.get(who)) for who, text in TEXTS.items()),
        )
        return json_answer(answer)

    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app.cleanup_ctx.append(neighbours_context(options, NEIGHBOURS))
    app.router.add_get(f"/reviews/{PRODUCT_PATH}", reviews)
    return app


async def _stars(request: web.Request, number: int) -> tuple[dict[str, int], RatingsStatus]:
    neighbours = request.app[NEIGHBOURS]
    try:
        answer = await neighbours.get("ratings", f"ratings/{number}", Ratings, forwarded_headers(request))
    except NeighbourError as error:
        return {}, RatingsStatus(status="error", error=error.failure)
    return answer.ratings, RatingsStatus(status="ok")


if __name__ == "__main__":
    run(SERVICE, build)
