"""Who is looking at the page: the login form's cookie, or an ``end-user`` header that the caller sent.

The form asks for no password, so the cookie proves no more than the form does and holds the plain name.
"""

from __future__ import annotations

import re

from aiohttp import web

from examples.bookinfo.services.neighbours import sendable

USER_COOKIE = "bookinfo-user"
USER_HEADER = "end-user"
PAGE = "/productpage"
_NAME = re.compile(r"[A-Za-z0-9._@-]{1,64}")


def end_user(request: web.Request) -> str | None:
    """The user's name. The login session, if there is one, wins over the header."""
    session = request.cookies.get(USER_COOKIE, "")
    if _NAME.fullmatch(session):
        return session
    header = request.headers.get(USER_HEADER, "")
    return header if header and sendable(header) else None


async def login(request: web.Request) -> web.Response:
    """``POST /login`` with ``username``: starts the session. 400 if the name is no plain name of 1 to 64 characters."""
    name = (await request.post()).get("username")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise web.HTTPBadRequest(text="username: 1 to 64 letters, digits, dots, dashes, underscores or at signs\n")
    response = _back_to_page()
    response.set_cookie(USER_COOKIE, name, httponly=True, samesite="Lax")
    return response


async def logout(_request: web.Request) -> web.Response:
    """``GET /logout``: ends the session."""
    response = _back_to_page()
    response.del_cookie(USER_COOKIE)
    return response


def _back_to_page() -> web.Response:
    return web.Response(status=303, headers={"Location": PAGE})
