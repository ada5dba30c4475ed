"""What Envoy asks of messages, checked without an Envoy."""

from __future__ import annotations

import pytest
from envoy_data_plane.envoy.config.cluster.v3 import Cluster
from envoy_data_plane.envoy.config.listener.v3 import Listener
from envoy_data_plane.envoy.config.route.v3 import Route, RouteConfiguration, VirtualHost

from xds.wire.fields import fields_by_name, fields_of
from xds.wire.fromjson import from_json
from xds.wire.registry import message_class
from xds.wire.rules import _RULES, Path, broken_rule

FILTERS = "type.googleapis.com/envoy.extensions.filters"
ROUTER = {"name": "router", "typed_config": {"@type": f"{FILTERS}.http.router.v3.Router"}}
LIMIT = f"{FILTERS}.http.local_ratelimit.v3.LocalRateLimit"


def manager(*filters: object) -> dict[str, object]:
    return {
        "@type": f"{FILTERS}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "x",
        "route_config": {"name": "x"},
        "http_filters": list(filters),
    }


def listener(config: object) -> dict[str, object]:
    return {"name": "x", "filter_chains": [{"filters": [{"name": "hcm", "typed_config": config}]}]}


@pytest.mark.parametrize("name", sorted(_RULES))
def test_every_rule_is_about_fields_that_there_are(name: str) -> None:
    cls, rules = message_class(name), _RULES[name]
    names = {*rules.filled, *rules.positive, *filter(None, (rules.chain,))}
    assert names <= fields_by_name(cls).keys()
    assert set(rules.one_of) <= {field.oneof for field in fields_of(cls).values()}


@pytest.mark.parametrize(
    ("cls", "document", "path", "reason"),
    [
        (Cluster, {"connect_timeout": "1s"}, ("name",), "must not be empty"),
        (Cluster, {"name": ""}, ("name",), "must not be empty"),
        (Cluster, {"name": "x", "connect_timeout": "-1s"}, ("connect_timeout",), "must be greater than 0"),
        (VirtualHost, {"name": "x"}, ("domains",), "must not be empty"),
        (Route, {"match": {"prefix": "/"}}, (), "needs one of route, redirect"),
        (Route, {"match": {}, "route": {"cluster": "x"}}, ("match",), "needs one of prefix, path"),
        (
            RouteConfiguration,
            {"virtual_hosts": [{"name": "x", "domains": ["*"]}, {"domains": ["y"]}]},
            ("virtual_hosts", 1, "name"),
            "must not be empty",
        ),
        (
            VirtualHost,
            {
                "name": "x",
                "domains": ["*"],
                "typed_per_filter_config": {"limit": {"@type": LIMIT, "token_bucket": {"fill_interval": "1s"}}},
            },
            ("typed_per_filter_config", "limit", "stat_prefix"),
            "must not be empty",
        ),
        (
            Listener,
            listener(manager(ROUTER, {"name": "late"})),
            ("filter_chains", 0, "filters", 0, "typed_config", "http_filters", 1),
            "comes after Router",
        ),
        (
            Listener,
            listener({"@type": "x/envoy.config.filter.network.tcp_proxy.v2.TcpProxy", "stat_prefix": "x"}),
            ("filter_chains", 0, "filters", 0, "typed_config", "@type"),
            "version 2",
        ),
        (Listener, listener(manager(ROUTER)), None, ""),
        (Listener, listener(manager({"name": "x"}, ROUTER)), None, ""),
    ],
)
def test_finds_what_is_broken_and_where(cls: type, document: object, path: Path | None, reason: str) -> None:
    broken = broken_rule(cls, from_json(cls, document))
    assert (broken is None) is (path is None)
    if broken is not None:
        assert broken.path == path
        assert reason in broken.reason
