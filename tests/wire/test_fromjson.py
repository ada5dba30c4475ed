"""JSON to protobuf bytes: the inverse of `protojson`, and every mistake at its path."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from betterproto2 import Message
from envoy_data_plane.envoy.config.cluster.v3 import Cluster
from envoy_data_plane.envoy.config.core.v3 import TypedExtensionConfig
from envoy_data_plane.envoy.config.route.v3 import Route, VirtualHost
from envoy_data_plane.envoy.extensions.filters.http.rbac.v3 import Rbac
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpFilter
from envoy_data_plane.google import protobuf
from google.protobuf.json_format import ParseDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xds.wire.encode import encode
from xds.wire.fields import fields_by_name
from xds.wire.fromjson import _SPECIAL, from_json
from xds.wire.json_scalars import JsonError
from xds.wire.protojson import to_json
from xds.wire.registry import type_url

from .catalogue import Instances, message_classes
from .upb import Schemas

pytestmark = pytest.mark.filterwarnings("ignore:.* is deprecated:DeprecationWarning")

_NARROW_JSON = {protobuf.Duration, protobuf.Timestamp}
"""Most of their random numbers have no JSON form."""
TYPES = "type.googleapis.com"
TYPED = f"{TYPES}/xds.type.v3.TypedStruct"
LUA = f"{TYPES}/envoy.extensions.filters.http.lua.v3.Lua"


def _instances(cls: type[Message]) -> Iterator[Message]:
    made = Instances(random.Random(type_url(cls)), entries=2)
    yield cls()
    yield from made.full(cls)
    yield made.sparse(cls)


def test_reads_what_it_writes_for_every_message_class() -> None:
    for cls in sorted(set(message_classes()) - _NARROW_JSON - {protobuf.Any}, key=type_url):
        for message in _instances(cls):
            body = encode(message)
            document = to_json(type_url(cls), body)
            content = document["value"] if document.get("@type") == type_url(cls) else document
            found = from_json(cls, content)
            assert to_json(type_url(cls), found) == document, cls
            assert found == body or _has_null(content), cls


def _has_null(value: object) -> bool:
    """Whatever number a NullValue has, it is null."""
    if isinstance(value, dict):
        return any(map(_has_null, value.values()))
    return any(map(_has_null, value)) if isinstance(value, list) else value is None


def test_agrees_with_the_google_runtime_on_the_other_form_of_names() -> None:
    schemas = Schemas(message_classes())
    document = {
        "connectTimeout": "1.500000001s",
        "outlierDetection": {"consecutive5xx": 3, "baseEjectionTime": "30s"},
        "typedExtensionProtocolOptions": {
            "a": {"@type": "type.googleapis.com/google.protobuf.UInt32Value", "value": 7}
        },
    }
    judged = ParseDict(document, schemas.message_class(Cluster)(), descriptor_pool=schemas.pool)
    assert from_json(Cluster, document) == judged.SerializeToString(deterministic=True)


@pytest.mark.parametrize(
    ("cls", "document", "path", "reason"),
    [
        (Cluster, {"conect_timeout": "1s"}, ("conect_timeout",), "did you mean connect_timeout?"),
        (Cluster, {"connect_timeout": "1m"}, ("connect_timeout",), "not a duration in seconds"),
        (Cluster, {"connect_timeout": "1s", "connectTimeout": "2s"}, ("connectTimeout",), "twice"),
        (Cluster, {"type": "EDS", "cluster_type": {}}, ("cluster_type",), "excludes type"),
        (Cluster, {"lb_policy": "FASTEST"}, ("lb_policy",), "none of ROUND_ROBIN, LEAST_REQUEST"),
        (Cluster, {"name": 3}, ("name",), "is no string"),
        (Cluster, {"filters": {}}, ("filters",), "must be a list, not a mapping"),
        (Cluster, {"circuit_breakers": []}, ("circuit_breakers",), "must be a mapping"),
        (
            Cluster,
            {"circuit_breakers": {"thresholds": [{"max_connections": -1}]}},
            ("circuit_breakers", "thresholds", 0, "max_connections"),
            "no uint32",
        ),
        (VirtualHost, {"domains": ["a", 1]}, ("domains", 1), "is no string"),
        (
            VirtualHost,
            {"typed_per_filter_config": {"x": {}, "y": {"a": 1}}},
            ("typed_per_filter_config", "y", "@type"),
            "",
        ),
        (HttpFilter, {"typed_config": {"@type": "x/envoy.No"}}, ("typed_config", "@type"), "no message envoy.No"),
        (HttpFilter, {"typed_config": {"@type": LUA, "inline": ""}}, ("typed_config", "inline"), "no such field"),
        (
            HttpFilter,
            {"typed_config": {"@type": TYPED, "type_url": LUA, "value": {"inline": ""}}},
            ("typed_config", "value", "inline"),
            "no such field",
        ),
        (HttpFilter, {"typed_config": {"@type": TYPED, "value": {}}}, ("typed_config", "type_url"), "is missing"),
        (Rbac, {"rules": {"policies": {"a": {"permissions": [{"any": 1}]}}}}, None, "is no bool"),
    ],
)
def test_says_where_a_mistake_is(
    cls: type[Message], document: object, path: tuple[str | int, ...] | None, reason: str
) -> None:
    with pytest.raises(JsonError) as caught:
        from_json(cls, document)
    assert reason in caught.value.reason
    assert path is None or caught.value.path == path


def test_the_configuration_of_an_unknown_extension_stays_as_it_is() -> None:
    content = {"@type": TYPED, "type_url": "x/mine.Config", "value": {"a": [1.5, "b", None, {"c": True}]}}
    document = {"name": "mine", "typed_config": content}
    body = from_json(TypedExtensionConfig, document)
    assert to_json(type_url(TypedExtensionConfig), body) == document


def test_what_is_null_is_absent() -> None:
    assert from_json(Route, {"name": None, "match": {"prefix": "/"}}) == from_json(Route, {"match": {"prefix": "/"}})


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def _documents(draw: st.DrawFn, cls: type[Message] = Cluster, depth: int = 0) -> object:
    """Fields that there are, with anything in them."""
    names = draw(st.lists(st.sampled_from(sorted(fields_by_name(cls)) or ["x"]), max_size=4, unique=True))
    fields = fields_by_name(cls)
    return {
        name: draw(_documents(found))
        if depth < 3 and name in fields and (found := fields[name].message) is not None and draw(st.booleans())
        else draw(_JSON)
        for name in names
    }


@settings(max_examples=300, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_whatever_is_written_it_is_read_or_refused_at_a_path(data: st.DataObject) -> None:
    kinds: list[type[Message]] = [Cluster, Route, VirtualHost, HttpFilter, TypedExtensionConfig, Rbac, *_SPECIAL]
    cls = data.draw(st.sampled_from(kinds))
    document = data.draw(_JSON | _documents(cls))
    try:
        found = to_json(type_url(cls), from_json(cls, document))
    except JsonError as error:
        found = {"refused": error.reason}
    assert found is not None
