"""Whom a connection manager takes for the client: the sender of the connection, or somebody that it is told of."""

from __future__ import annotations

from ipaddress import ip_address

from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpConnectionManager

from xds.explain.header_changes import Headers
from xds.explain.request import Request

_FORWARDED_FOR = "x-forwarded-for"


def remote_address(request: Request, manager: HttpConnectionManager, source: str) -> str | None:
    """The client's address; that of the connection, ``source``, if nothing else is believed. None if an extension finds
    it.

    ``x-forwarded-for`` is believed from the right: the last of its addresses is that of the sender's own client. At the
    edge (``use_remote_address``) only as many are as there are trusted proxies in front.
    """
    if manager.original_ip_detection_extensions:
        return None
    hops = manager.xff_num_trusted_hops or 0
    if manager.use_remote_address:
        return (_from_right(request, hops - 1) if hops else "") or source
    return _from_right(request, hops) or source


def forwarded_for(headers: Headers, manager: HttpConnectionManager, source: str) -> Headers:
    """The headers of a request with its sender's address behind those that it tells of, which is done at the edge.

    A sender on the same machine is told of by an address of the machine, which is not known here.
    """
    if not manager.use_remote_address or manager.skip_xff_append or not source or ip_address(source).is_loopback:
        return headers
    before = [value for name, value in headers if name == _FORWARDED_FOR]
    others = tuple(item for item in headers if item[0] != _FORWARDED_FOR)
    return (*others, (_FORWARDED_FOR, ",".join((*before, source))))


def _from_right(request: Request, skipped: int) -> str:
    """An address of the header; empty if there are not so many, or it is none."""
    told = (request.header(_FORWARDED_FOR) or "").split(",")
    if len(told) <= skipped:
        return ""
    try:
        return str(ip_address(told[-1 - skipped].strip()))
    except ValueError:
        return ""
