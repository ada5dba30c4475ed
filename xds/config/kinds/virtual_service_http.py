"""The rules of a VirtualService for HTTP requests (Istio ``HTTPRoute``), without their conditions."""

from __future__ import annotations

from base64 import b64decode
from typing import Final

from xds.config.kinds.destinations import parse_destination, parse_weights
from xds.config.kinds.names import Scope, parse_port_number
from xds.config.kinds.re2 import parse_re2
from xds.config.kinds.virtual_service_headers import parse_headers
from xds.config.kinds.virtual_service_match import parse_http_matches
from xds.config.kinds.virtual_service_policy import parse_cors_policy, parse_fault, parse_mirrors, parse_retries
from xds.config.reader import Reader
from xds.model.objects import ObjectKey
from xds.model.routing import (
    HTTPDirectResponse,
    HTTPRedirect,
    HTTPRewrite,
    HTTPRoute,
    HTTPRouteDestination,
    RedirectPort,
)

_ACTIONS: Final = ("route", "redirect", "directResponse", "delegate")
_REDIRECT_CODES: Final = (301, 302, 303, 307, 308)
_REDIRECT_TARGETS: Final = ("uri", "prefixRewrite", "authority", "scheme", "port", "derivePort")
_MAX_BODY: Final = 1024 * 1024


def parse_http_routes(spec: Reader, scope: Scope, gateways: tuple[str, ...]) -> tuple[HTTPRoute, ...]:
    """``spec.http``."""
    return tuple(_route(rule, index, scope, gateways) for index, rule in enumerate(spec.items("http")))


def _route(rule: Reader, index: int, scope: Scope, gateways: tuple[str, ...]) -> HTTPRoute:
    _check_action(rule)
    return HTTPRoute(
        index=index,
        origin=rule.origin,
        name=rule.text("name"),
        match=parse_http_matches(rule, scope, gateways),
        route=_destinations(rule, scope),
        redirect=_redirect(rule),
        direct_response=_direct_response(rule),
        rewrite=_rewrite(rule),
        timeout=rule.duration("timeout"),
        retries=parse_retries(rule),
        fault=parse_fault(rule),
        mirrors=parse_mirrors(rule, scope),
        cors_policy=parse_cors_policy(rule),
        headers=parse_headers(rule),
        delegate=_delegate(rule, scope),
    )


def _delegate(rule: Reader, scope: Scope) -> ObjectKey | None:
    """The VirtualService whose rules stand for this one; its namespace is the object's own unless it says so."""
    delegate = rule.child("delegate")
    if delegate is None:
        return None
    if not delegate.text("name"):
        delegate.error("name", "is required", "missing-field")
    return ObjectKey("VirtualService", delegate.text("namespace") or scope.namespace, delegate.text("name"))


def _check_action(rule: Reader) -> None:
    given = [name for name in _ACTIONS if rule.raw_value(name)]
    if not given:
        rule.error((), f"one of {', '.join(_ACTIONS)} is required", "missing-field")
    elif len(given) > 1:
        rule.error(given[1], f"only one of {', '.join(_ACTIONS)} can be given", "conflicting-fields")
    elif given[0] in ("redirect", "directResponse") and rule.has("rewrite"):
        rule.error("rewrite", f"cannot be given together with {given[0]}", "conflicting-fields")


def _destinations(rule: Reader, scope: Scope) -> tuple[HTTPRouteDestination, ...]:
    targets = rule.items("route")
    weights = parse_weights(rule, targets)
    return tuple(
        HTTPRouteDestination(parse_destination(target.section("destination"), scope), weight, parse_headers(target))
        for target, weight in zip(targets, weights, strict=True)
    )


def _redirect(rule: Reader) -> HTTPRedirect | None:
    redirect = rule.child("redirect")
    if redirect is None:
        return None
    if redirect.text("uri") and redirect.text("prefixRewrite"):
        redirect.error("prefixRewrite", "cannot be given together with uri", "conflicting-fields")
    if not any(redirect.has(name) for name in _REDIRECT_TARGETS):
        redirect.error((), f"one of {', '.join(_REDIRECT_TARGETS)} is required", "missing-field")
    return HTTPRedirect(
        uri=redirect.text("uri"),
        prefix_rewrite=redirect.text("prefixRewrite"),
        authority=redirect.text("authority"),
        scheme=redirect.parsed("scheme", _scheme, ""),
        port=_redirect_port(redirect),
        code=_redirect_code(redirect),
    )


def _scheme(text: str) -> str:
    if text.lower() not in ("http", "https"):
        raise ValueError(f"must be http or https, not {text[:60]!r}")
    return text.lower()


def _redirect_port(redirect: Reader) -> int | RedirectPort | None:
    if redirect.has("derivePort"):
        return RedirectPort(redirect.text("derivePort"))
    return parse_port_number(redirect, "port")


def _redirect_code(redirect: Reader) -> int:
    code = redirect.integer("redirectCode") or _REDIRECT_CODES[0]
    if code not in _REDIRECT_CODES:
        redirect.error("redirectCode", f"must be one of {', '.join(map(str, _REDIRECT_CODES))}", "out-of-range")
    return code


def _direct_response(rule: Reader) -> HTTPDirectResponse | None:
    response = rule.child("directResponse")
    if response is None:
        return None
    status = response.integer("status")
    if not 200 <= status <= 599:
        response.error("status", "must be an HTTP status from 200 to 599", "out-of-range")
    body = _body(response)
    if len(body) > _MAX_BODY:
        response.error("body", "must have at most 1 MB", "out-of-range")
    return HTTPDirectResponse(status, body)


def _body(response: Reader) -> bytes:
    body = response.section("body")
    return b64decode(body.text("bytes")) if body.has("bytes") else body.text("string").encode("utf-8", "replace")


def _rewrite(rule: Reader) -> HTTPRewrite | None:
    rewrite = rule.child("rewrite")
    if rewrite is None:
        return None
    uri_regex = _uri_regex(rewrite)
    if uri_regex and rewrite.text("uri"):
        rewrite.error("uriRegexRewrite", "cannot be given together with uri", "conflicting-fields")
    if not uri_regex and not rewrite.text("uri") and not rewrite.text("authority"):
        rewrite.error((), "one of uri, uriRegexRewrite, authority is required", "missing-field")
    return HTTPRewrite(rewrite.text("uri"), rewrite.text("authority"), uri_regex)


def _uri_regex(rewrite: Reader) -> tuple[str, str] | None:
    regex = rewrite.child("uriRegexRewrite")
    if regex is None:
        return None
    if not regex.text("match"):
        regex.error("match", "is required", "missing-field")
    return regex.parsed("match", parse_re2, ""), regex.text("rewrite")
