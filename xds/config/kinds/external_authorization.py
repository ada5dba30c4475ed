"""Providers that decide on requests: Istio's ``envoyExtAuthzGrpc`` and ``envoyExtAuthzHttp``."""

from __future__ import annotations

import re
from typing import Final

from xds.config.kinds.header_names import check_header_value, parse_header_name
from xds.config.reader import Reader
from xds.model.labels import EMPTY_LABELS, Labels
from xds.model.providers import CheckedBody, ExternalAuthorization, HttpCheck, ProviderService

_COMMON: Final = (
    "service port timeout failOpen statusOnError clearRouteCache includeRequestBodyInCheck.maxRequestBytes"
    " includeRequestBodyInCheck.allowPartialMessage"
)
HONOURED_GRPC: Final = f"{_COMMON} includeRequestBodyInCheck.packAsBytes"
HONOURED_HTTP: Final = (
    f"{_COMMON} pathPrefix includeRequestHeadersInCheck includeHeadersInCheck includeAdditionalHeadersInCheck"
    " headersToUpstreamOnAllow headersToDownstreamOnAllow headersToDownstreamOnDeny"
)

_STATUSES: Final = frozenset(
    (
        *(100, *range(200, 209), 226, *range(300, 306), 307, 308, *range(400, 418), *range(421, 425), 426, 428),
        *(429, 431, *range(500, 509), 510, 511),
    )
)
"""Those that Envoy can answer with."""

_PATH: Final = re.compile(r"/[!-~]*")
_FORMAT: Final = re.compile(r"(?:[^%]|%%|%[A-Z][A-Z0-9_]*(?:\([^()]*\))?(?::[0-9]+)?%)*")
"""Text with Envoy's command operators, as far as can be told without knowing them."""


def parse_grpc_authorization(config: Reader, service: ProviderService) -> ExternalAuthorization:
    """A service of the type ``envoy.service.auth.v3.Authorization``."""
    return _authorization(config, service, None)


def parse_http_authorization(config: Reader, service: ProviderService) -> ExternalAuthorization:
    """A server that is sent the head of each request, and answers 200 to let it pass."""
    return _authorization(config, service, _http(config))


def _authorization(config: Reader, service: ProviderService, http: HttpCheck | None) -> ExternalAuthorization:
    defaults = ExternalAuthorization(service)
    return ExternalAuthorization(
        service=service,
        http=http,
        timeout=config.duration("timeout", defaults.timeout),
        fail_open=config.flag("failOpen"),
        status_on_error=config.parsed("statusOnError", _status, defaults.status_on_error),
        clear_route_cache=config.flag("clearRouteCache"),
        body=_body(config),
    )


def _status(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text[:4]) not in _STATUSES:
        raise ValueError(f"{text[:60]!r} is not a status of HTTP that Envoy can answer with, such as 403 or 503")
    return int(text)


def _body(config: Reader) -> CheckedBody | None:
    body = config.child("includeRequestBodyInCheck")
    if body is None:
        return None
    most = body.integer("maxRequestBytes")
    if not most:
        body.error("maxRequestBytes", "must be at least 1: it is how much of the body is kept to be shown")
    return CheckedBody(most, body.flag("allowPartialMessage"), body.flag("packAsBytes"))


def _http(config: Reader) -> HttpCheck:
    """Istio: the old name of a list counts only where there is none of the new name."""
    old, new = "includeHeadersInCheck", "includeRequestHeadersInCheck"
    if config.strings(old) and config.strings(new):
        config.warning(old, f"is the old name of {new}, and has no effect beside it", "no-effect")
    return HttpCheck(
        path_prefix=config.parsed("pathPrefix", _path, ""),
        request_headers=_names(config, new) or _names(config, old),
        additional_headers=_additional(config),
        to_upstream=_names(config, "headersToUpstreamOnAllow"),
        to_client_on_allow=_names(config, "headersToDownstreamOnAllow"),
        to_client_on_deny=_names(config, "headersToDownstreamOnDeny"),
    )


def _path(text: str) -> str:
    if not _PATH.fullmatch(text) or "?" in text or "#" in text:
        raise ValueError("must be the beginning of a path: / and printable ASCII, without ? and #")
    return text


def _names(config: Reader, field: str) -> tuple[str, ...]:
    return tuple(_name(config, field, index, name) for index, name in enumerate(config.strings(field)))


def _name(config: Reader, field: str, index: int, text: str) -> str:
    """With a ``*`` at its beginning or else at its end, as Istio tells a suffix from a prefix."""
    before, after = ("*", "") if text.startswith("*") else ("", "*" if text.endswith("*") else "")
    name = text[len(before) : len(text) - len(after)]
    if (before or after) and (not name or "*" in name):
        config.error((field, index), f"{text[:60]!r}: one * at one end, beside at least one character, is possible")
        return ""
    return f"{before}{parse_header_name(config, (field, index), name)}{after}"


def _additional(config: Reader) -> Labels:
    field = "includeAdditionalHeadersInCheck"
    found = {}
    for header, value in config.labels(field).items():
        check_header_value(config, (field, header), value)
        if not _FORMAT.fullmatch(value):
            config.error((field, header), "a % that is meant as such is written %%", "invalid-format")
        found[parse_header_name(config, (field, header), header)] = value
    return Labels(found) if found else EMPTY_LABELS
