"""What browsers are told with every answer: to load nothing from elsewhere, to run nothing, and to ask anew."""

from __future__ import annotations

from aiohttp import web

HEADERS = {
    # its own style sheet, its own icon and its own form: the page has nothing else, and no other may frame it
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    # a page that a browser has kept would hide where the mesh leads the next request
    "Cache-Control": "no-store",
}


async def tell_browsers(_request: web.Request, response: web.StreamResponse) -> None:
    """For ``Application.on_response_prepare``."""
    response.headers.update(HEADERS)
