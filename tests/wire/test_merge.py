"""Merging encoded messages, as an EnvoyFilter's MERGE does."""

from __future__ import annotations

import random

import pytest
from betterproto2 import Message
from envoy_data_plane.envoy.config.cluster.v3 import Cluster
from envoy_data_plane.envoy.config.core.v3 import TypedExtensionConfig
from envoy_data_plane.envoy.config.route.v3 import VirtualHost
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
    HttpFilter,
)
from envoy_data_plane.google import protobuf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xds.wire.encode import encode
from xds.wire.fields import fields_of
from xds.wire.fromjson import from_json
from xds.wire.merge import merged
from xds.wire.protojson import to_json
from xds.wire.registry import type_url

from .catalogue import Instances, message_classes
from .upb import Schemas

pytestmark = pytest.mark.filterwarnings("ignore:.* is deprecated:DeprecationWarning")

FAULT = "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault"
LUA = "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua"


@pytest.mark.parametrize(
    ("cls", "before", "change", "after"),
    [
        (Cluster, {"name": "a", "type": "EDS"}, {"name": "b"}, {"name": "b", "type": "EDS"}),
        (Cluster, {"connect_timeout": "10.5s"}, {"connect_timeout": "2s"}, {"connect_timeout": "2s"}),
        (Cluster, {"type": "EDS"}, {"cluster_type": {"name": "x"}}, {"cluster_type": {"name": "x"}}),
        (VirtualHost, {"domains": ["a"]}, {"domains": ["b"]}, {"domains": ["a", "b"]}),
        (
            Cluster,
            {"outlier_detection": {"consecutive_5xx": 5, "interval": "1s"}},
            {"outlier_detection": {"consecutive_5xx": 0}},
            {"outlier_detection": {"consecutive_5xx": 0, "interval": "1s"}},
        ),
        (
            HttpConnectionManager,
            {"use_remote_address": True, "stat_prefix": "x"},
            {"use_remote_address": False},
            {"stat_prefix": "x", "use_remote_address": False},
        ),
        (
            VirtualHost,
            {"typed_per_filter_config": {"a": {"@type": FAULT, "upstream_cluster": "x"}, "b": {"@type": LUA}}},
            {"typed_per_filter_config": {"a": {"@type": FAULT, "max_active_faults": 1}}},
            {"typed_per_filter_config": {"b": {"@type": LUA}, "a": {"@type": FAULT, "max_active_faults": 1}}},
        ),
        (
            HttpFilter,
            {"name": "f", "typed_config": {"@type": FAULT, "upstream_cluster": "x"}},
            {"typed_config": {"@type": FAULT, "max_active_faults": 1}},
            {"name": "f", "typed_config": {"@type": FAULT, "upstream_cluster": "x", "max_active_faults": 1}},
        ),
        (
            HttpFilter,
            {"name": "f", "typed_config": {"@type": FAULT, "upstream_cluster": "x"}},
            {"typed_config": {"@type": LUA, "inline_code": "x"}},
            {"name": "f", "typed_config": {"@type": LUA, "inline_code": "x"}},
        ),
    ],
)
def test_merges_by_the_rules(cls: type[Message], before: object, change: object, after: object) -> None:
    body = merged(cls, from_json(cls, before), from_json(cls, change))
    assert to_json(type_url(cls), body) == after


def test_lists_can_be_replaced_at_every_depth() -> None:
    before = {"domains": ["a"], "routes": [{"name": "x"}], "cors": {"allow_origin_string_match": [{"exact": "a"}]}}
    change = {"domains": ["b"], "cors": {"allow_origin_string_match": [{"exact": "b"}]}}
    body = merged(VirtualHost, from_json(VirtualHost, before), from_json(VirtualHost, change), replace_lists=True)
    assert to_json(type_url(VirtualHost), body) == {**before, **change}


def test_a_message_that_is_not_known_replaces_the_one_before() -> None:
    typed = "type.googleapis.com/xds.type.v3.TypedStruct"
    before = {"name": "x", "typed_config": {"@type": FAULT}}
    change = {"typed_config": {"@type": typed, "type_url": "x/mine.Config", "value": {"a": 1.0}}}
    cls = TypedExtensionConfig
    body = merged(cls, from_json(cls, before), from_json(cls, change))
    assert to_json(type_url(cls), body) == {**before, **change}


@settings(max_examples=300, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_nothing_merged_into_anything_or_anything_into_nothing_is_the_same(data: st.DataObject) -> None:
    cls = data.draw(st.sampled_from([cls for cls in message_classes() if cls is not protobuf.Any]))
    body = encode(Instances(data.draw(st.randoms(use_true_random=False))).sparse(cls))
    assert merged(cls, body, b"") == body or not fields_of(cls) or _is_value(cls)
    assert merged(cls, b"", body) == body


@settings(max_examples=300, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_what_comes_out_can_be_read_and_has_no_oneof_twice(data: st.DataObject) -> None:
    cls = data.draw(st.sampled_from(message_classes()))
    source = Instances(data.draw(st.randoms(use_true_random=False)))
    before, change = encode(source.sparse(cls)), encode(source.sparse(cls))
    after = merged(cls, before, change)
    assert encode(cls.parse(after)) is not None
    assert merged(cls, after, b"") == after or _is_value(cls)


def test_agrees_with_the_google_runtime_where_the_rules_are_protobufs() -> None:
    schemas = Schemas(message_classes())
    compared = 0
    for cls in message_classes():
        if _has_values(cls, frozenset()):
            continue
        made = Instances(random.Random(type_url(cls)), entries=1)
        before, change = encode(made.sparse(cls)), encode(made.sparse(cls))
        judged = schemas.message_class(cls).FromString(before)
        judged.MergeFrom(schemas.message_class(cls).FromString(change))
        found = schemas.message_class(cls).FromString(merged(cls, before, change))
        assert found == judged, cls
        compared += 1
    assert compared > 500


def _is_value(cls: type[Message]) -> bool:
    return cls.__name__.endswith("Value") or cls in (protobuf.Duration, protobuf.Timestamp)


def _has_values(cls: type[Message], seen: frozenset[type[Message]]) -> bool:
    """Whether somewhere in it is what merges otherwise than protobuf says."""
    if _is_value(cls) or cls is protobuf.Any:
        return True
    inner = {field.message for field in fields_of(cls).values() if field.message is not None} - seen - {cls}
    return any(_has_values(each, seen | {cls}) for each in inner)
