"""Conditions that RBAC policies have on both sides: about a request, and about what was noted of it."""

from __future__ import annotations

from typing import Final

from envoy_data_plane.envoy.config.rbac.v3 import MetadataSource, SourcedMetadata
from envoy_data_plane.envoy.config.route.v3 import HeaderMatcher
from envoy_data_plane.envoy.type.matcher.v3 import MetadataMatcher, PathMatcher, StringMatcher

from xds.explain import headers, strings
from xds.explain.condition import Condition
from xds.explain.errors import UnsupportedError
from xds.explain.metadata import noted
from xds.explain.stream import Stream

_CERTIFICATES: Final = "x-forwarded-client-cert"
NO_REQUEST = "there is no request to look at"
"""What is seen on a connection that is passed on as it is."""


def header(matcher: HeaderMatcher, stream: Stream) -> Condition:
    """A connection has no headers, so that a matcher meets none. Raises UnsupportedError for the header in which a
    proxy tells of certificates."""
    if matcher.name.lower() == _CERTIFICATES:
        raise UnsupportedError(f"a policy about the header {_CERTIFICATES}")
    values = stream.request.values(matcher.name) if stream.request is not None else ()
    seen = headers.seen(matcher.name, values) if stream.request is not None else NO_REQUEST
    return Condition(headers.matches(matcher, values), headers.described(matcher), seen)


def url_path(matcher: PathMatcher, stream: Stream) -> Condition:
    """The path without its query."""
    wanted = matcher.path or StringMatcher()
    text = f"path {strings.described(wanted)}"
    if stream.request is None:
        return Condition(False, text, NO_REQUEST)
    path = stream.request.path_alone
    return Condition(strings.matches(wanted, path), text, f"path is {path}")


def metadata(matcher: MetadataMatcher, stream: Stream) -> Condition:
    """What filters have noted."""
    return noted(matcher, stream.noted)


def sourced_metadata(matcher: SourcedMetadata, stream: Stream) -> Condition:
    """What filters have noted, or what the route says."""
    source = stream.route if matcher.metadata_source == MetadataSource.ROUTE else stream.noted
    return noted(matcher.metadata_matcher or MetadataMatcher(), source)
