"""ratings: how many stars each reviewer gave a book. Calls nobody."""

from __future__ import annotations

from aiohttp import web

from examples.bookinfo.services.options import Options, Service
from examples.bookinfo.services.server import MAX_BODY_BYTES, PRODUCT_PATH, caller, json_answer, product_id, run
from examples.bookinfo.services.shapes import Ratings

SERVICE = Service("ratings")
STARS = {"first-mate": 5, "harpooner": 4}


def build(options: Options) -> web.Application:
    """The application that answers ``GET /ratings/{id}``."""

    async def ratings(request: web.Request) -> web.Response:
        return json_answer(
            Ratings(
                id=product_id(request),
                version=options.version,
                instance=options.instance,
                caller=caller(request),
                ratings=STARS,
            )
        )

    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app.router.add_get(f"/ratings/{PRODUCT_PATH}", ratings)
    return app


if __name__ == "__main__":
    run(SERVICE, build)
