"""Whom a connection manager takes for the client."""

from __future__ import annotations

import pytest
from envoy_data_plane.envoy.config.core.v3 import TypedExtensionConfig
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpConnectionManager

from xds.explain.client import forwarded_for, remote_address
from xds.explain.request import Request

SOURCE = "10.9.9.9"


@pytest.mark.parametrize(
    ("edge", "hops", "told", "expected"),
    [
        (False, 0, "", SOURCE),
        (False, 0, "10.0.0.1, 10.0.0.2", "10.0.0.2"),
        (False, 1, "10.0.0.1, 10.0.0.2", "10.0.0.1"),
        (False, 2, "10.0.0.1, 10.0.0.2", SOURCE),
        (False, 0, "somebody", SOURCE),
        (True, 0, "10.0.0.1, 10.0.0.2", SOURCE),
        (True, 1, "10.0.0.1, 10.0.0.2", "10.0.0.2"),
        (True, 2, "10.0.0.1, 10.0.0.2", "10.0.0.1"),
        (True, 3, "10.0.0.1, 10.0.0.2", SOURCE),
    ],
)
def test_what_is_told_is_believed_from_the_right(edge: bool, hops: int, told: str, expected: str) -> None:
    manager = HttpConnectionManager(use_remote_address=edge, xff_num_trusted_hops=hops)
    request = Request.of("GET", "a", "/", (("X-Forwarded-For", told),) if told else ())

    assert remote_address(request, manager, SOURCE) == expected


def test_what_an_extension_finds_is_not_guessed() -> None:
    manager = HttpConnectionManager(original_ip_detection_extensions=[TypedExtensionConfig(name="x")])

    assert remote_address(Request.of("GET", "a", "/"), manager, SOURCE) is None


@pytest.mark.parametrize(
    ("edge", "skip", "source", "expected"),
    [
        (True, False, SOURCE, "10.0.0.1,10.9.9.9"),
        (True, True, SOURCE, "10.0.0.1"),
        (True, False, "127.0.0.1", "10.0.0.1"),
        (True, False, "", "10.0.0.1"),
        (False, False, SOURCE, "10.0.0.1"),
    ],
)
def test_the_edge_tells_on_who_sent_it(edge: bool, skip: bool, source: str, expected: str) -> None:
    manager = HttpConnectionManager(use_remote_address=edge, skip_xff_append=skip)

    assert forwarded_for((("x-forwarded-for", "10.0.0.1"),), manager, source) == (("x-forwarded-for", expected),)
