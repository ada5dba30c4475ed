"""Asking a running control plane over its monitoring address."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, TypedDict

import typer

from xds.app.errors import StartError

if TYPE_CHECKING:
    from urllib.error import HTTPError

_TIMEOUT_SECONDS = 10.0


Monitoring = Annotated[str, typer.Option(metavar="HOST:PORT", help="The control plane's monitoring address.")]


class MonitoringError(StartError):
    """There is no answer, or it is a refusal. The message is for the user, on one line."""


class Object(TypedDict):
    """A configuration object, ``Kind/name.ns``, and the ``file:line`` where it is written."""

    object: str
    origin: str


def describe(named: Object) -> str:
    """``Kind/name.ns file:line``."""
    return f"{named['object']} {named['origin']}".rstrip()


class Rejection(TypedDict):
    """In Envoy's words. inPreflight: by an Envoy that was asked before the proxy was sent it."""

    proxy: str
    type: str
    reason: str
    resources: list[str]
    objects: list[Object]
    inPreflight: bool


def describe_rejection(rejection: Rejection) -> Iterator[str]:
    """Who rejected what and why, then the objects behind it with file and line."""
    what = f"{rejection['type'].upper()} {', '.join(rejection['resources'])}"
    reason = rejection["reason"].strip()
    if rejection["inPreflight"]:
        yield f"{rejection['proxy']} is not sent {what}, which Envoy refused in preflight: {reason}"
    else:
        yield f"{rejection['proxy']} rejected {what}: {reason}"
    for origin in rejection["objects"]:
        yield f"  from {describe(origin)}"


def fetch(monitoring: str, path: str, **query: str) -> object:
    """The JSON at ``path`` of the control plane at ``HOST:PORT``. Raises MonitoringError.

    HTTP proxies that the environment names are passed over: the control plane is asked itself.
    """
    from urllib.error import HTTPError, URLError
    from urllib.parse import urlencode
    from urllib.request import ProxyHandler, build_opener

    url = f"http://{monitoring}{path}" + (f"?{urlencode(query)}" if query else "")
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=_TIMEOUT_SECONDS) as response:
            return json.loads(response.read())
    except HTTPError as error:
        with error:
            raise MonitoringError(_refusal(error)) from error
    except (OSError, ValueError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        text = (reason.strerror if isinstance(reason, OSError) else None) or str(reason)
        raise MonitoringError(f"no control plane answers on http://{monitoring}: {text}") from error


def _refusal(error: HTTPError) -> str:
    try:
        body = json.loads(error.read())
    except ValueError:
        body = None
    return str(body["error"]) if isinstance(body, dict) and "error" in body else f"{error.url}: {error.reason}"
