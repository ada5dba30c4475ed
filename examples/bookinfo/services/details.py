"""details: bibliographic facts about a book. Calls nobody."""

from __future__ import annotations

from aiohttp import web

from examples.bookinfo.services.options import Options, Service
from examples.bookinfo.services.server import MAX_BODY_BYTES, PRODUCT_PATH, caller, json_answer, product_id, run
from examples.bookinfo.services.shapes import Details

SERVICE = Service("details")


def build(options: Options) -> web.Application:
    """The application that answers ``GET /details/{id}``."""

    async def details(request: web.Request) -> web.Response:
        return json_answer(
            Details(
                id=product_id(request),
                version=options.version,
                instance=options.instance,
                caller=caller(request),
                title="Moby-Dick; or, The Whale",
                author="Herman Melville",
                year=1851,
                publisher="Harper & Brothers",
                pages=635,
                language="English",
            )
        )

    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app.router.add_get(f"/details/{PRODUCT_PATH}", details)
    return app


if __name__ == "__main__":
    run(SERVICE, build)
