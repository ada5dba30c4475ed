"""Structural validation, what is not honoured, and the schema files themselves."""

from __future__ import annotations

import base64
import json
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xds.config.document import RawObject
from xds.config.schema import Schema, field_paths, find_schema, known_kinds, not_honoured, validate
from xds.config.schema_leaves import (
    AnyObject,
    Anything,
    Boolean,
    Bounds,
    Bytes,
    Choice,
    Duration,
    Integer,
    IntOrString,
    Node,
    Number,
    Text,
    Timestamp,
)
from xds.config.schema_nodes import ListOf, MapOf, Message
from xds.config.yaml import parse_documents, parse_settings
from xds.model.diagnostic import Diagnostic, Severity

NETWORKING = "networking.istio.io"


def schema_of(kind: str, group: str = NETWORKING) -> Schema:
    schema = find_schema(kind, group)
    assert schema is not None
    return schema


def virtual_service(spec: str) -> RawObject:
    head = f"apiVersion: {NETWORKING}/v1\nkind: VirtualService\nmetadata: {{name: reviews}}\nspec:\n"
    return parse_documents(head + spec, "f").objects[0]


def errors(raw: RawObject) -> list[tuple[int, str, str]]:
    found = validate(raw, schema_of(raw.kind, raw.meta.api_group))
    assert all(one.severity is Severity.ERROR and one.object == raw.key for one in found)
    return [(one.origin.line, one.path, one.code) for one in found]


def test_every_error_of_a_document_is_found_with_path_and_line() -> None:
    raw = virtual_service(
        """\
  hosts: [reviews, 3]
  http:
  - wieght: 1
    timeout: 2
    retries: {attempts: many, perTryTimeout: 1 second}
    match:
    - uri: {exact: /a, prefix: /b}
    route:
    - destination: {subset: v1}
    mirrors: {}
    redirect: {derivePort: NEVER, port: -1}
    directResponse: null
"""
    )
    assert errors(raw) == [
        (5, "spec.hosts[1]", "wrong-type"),
        (7, "spec.http[0].wieght", "unknown-field"),
        (8, "spec.http[0].timeout", "wrong-type"),
        (9, "spec.http[0].retries.attempts", "wrong-type"),
        (9, "spec.http[0].retries.perTryTimeout", "invalid-duration"),
        (11, "spec.http[0].match[0].uri.prefix", "conflicting-fields"),
        (13, "spec.http[0].route[0].destination.host", "missing-field"),
        (14, "spec.http[0].mirrors", "wrong-type"),
        (15, "spec.http[0].redirect.derivePort", "invalid-enum"),
        (15, "spec.http[0].redirect.port", "out-of-range"),
        (15, "spec.http[0].redirect.port", "conflicting-fields"),
    ]


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("  http: [{retires: {}}]\n", "unknown field; did you mean retries?"),
        ("  http: [{zzzzzzzzzzz: {}}]\n", "unknown field"),
        ("  http: [{redirect: {derivePort: X}}]\n", 'must be one of FROM_PROTOCOL_DEFAULT, FROM_REQUEST_PORT, not "X"'),
        ("  http: [{timeout: 0.1ms}]\n", "must be a duration of at least 1ms"),
        ("  hosts: reviews\n", 'must be a list, not "reviews"'),
        ("  tcp: [{route: [{weight: 1.5, destination: {host: a}}]}]\n", "must be an integer, not 1.5"),
        ("  hosts: [a, null]\n", "a list item must not be null"),
    ],
)
def test_reasons_help(spec: str, reason: str) -> None:
    raw = virtual_service(spec)
    assert [found.reason for found in validate(raw, schema_of("VirtualService"))] == [reason]


def test_names_and_versions_are_checked() -> None:
    text = f"""\
apiVersion: {NETWORKING}/v9
kind: Sidecar
metadata:
  name: A_b
  namespace: a.b
  labels: {{v: 1}}
meta: 1
"""
    assert errors(parse_documents(text, "f").objects[0]) == [
        (1, "apiVersion", "unknown-version"),
        (4, "metadata.name", "invalid-format"),
        (5, "metadata.namespace", "invalid-format"),
        (6, "metadata.labels.v", "wrong-type"),
        (7, "meta", "unknown-field"),
    ]


def test_unknown_fields_of_kubernetes_kinds_are_tolerated() -> None:
    text = """\
apiVersion: v1
kind: Service
metadata: {name: a, uid: x}
spec: {new: 1, ports: [{port: 80, new: 1}]}
new: 1
"""
    assert errors(parse_documents(text, "f").objects[0]) == []


@pytest.mark.parametrize(
    ("kind", "group", "spec", "expected"),
    [
        (
            "ServiceEntry",
            NETWORKING,
            "{hosts: ['*'], ports: [{number: 0, name: a}]}",
            {"invalid-format", "out-of-range"},
        ),
        (
            "ServiceEntry",
            NETWORKING,
            "{hosts: [a], ports: [{number: 1, name: a}, {number: 1, name: b}]}",
            {"conflicting-fields"},
        ),
        ("WorkloadEntry", NETWORKING, "{weight: 1}", {"missing-field"}),
        ("WorkloadEntry", NETWORKING, "{address: 'unix://x'}", {"invalid-format"}),
        ("TrafficExtension", "extensions.istio.io", "{}", {"missing-field"}),
        ("PeerAuthentication", "security.istio.io", "{portLevelMtls: {x: {mode: STRICT}}}", {"invalid-format"}),
        ("PeerAuthentication", "security.istio.io", "{portLevelMtls: {8080: {mode: STRICT}}}", set()),
        ("EnvoyFilter", NETWORKING, "{configPatches: [{patch: {value: {any: [thing]}}}]}", set()),
    ],
)
def test_rules_beyond_types(kind: str, group: str, spec: str, expected: set[str]) -> None:
    version = schema_of(kind, group).versions[0]
    raw = parse_documents(
        f"apiVersion: {group}/{version}\nkind: {kind}\nmetadata: {{name: a}}\nspec: {spec}\n", "f"
    ).objects[0]
    assert {code for _, _, code in errors(raw)} == expected


def test_mesh_config_is_validated_without_an_envelope() -> None:
    raw, _ = parse_settings("trustDomain: td\ndefaultConfig: {tracing: {zipkin: {adress: a}}}\n", "m", "MeshConfig")
    assert raw is not None
    assert errors(raw) == [(2, "defaultConfig.tracing.zipkin.adress", "unknown-field")]


def unhonoured(raw: RawObject, *honoured: str) -> list[Diagnostic]:
    return not_honoured(raw, schema_of(raw.kind, raw.meta.api_group), frozenset(honoured))


def test_fields_without_effect_are_named_once_at_the_outermost() -> None:
    raw = virtual_service(
        """\
  hosts: [a]
  exportTo: null
  http:
  - match: [{headers: {x: {exact: a, regex: b}}, uri: {prefix: /}}]
    mirror: {host: a, port: {number: 1}}
    retries: {attempts: 1}
    unknown: 1
"""
    )
    found = unhonoured(raw, "spec.hosts", "spec.http.match.headers.*.exact", "spec.http.retries.*")
    assert [(one.origin.line, one.path, one.code) for one in found] == [
        (8, "spec.http[0].match[0].headers.x.regex", "not-honoured"),
        (8, "spec.http[0].match[0].uri", "not-honoured"),
        (9, "spec.http[0].mirror", "not-honoured"),
    ]
    assert all(one.severity is Severity.WARNING for one in found)


def test_all_fields_honoured_leaves_nothing_to_say() -> None:
    raw = virtual_service("  http: [{match: [{headers: {x: {exact: a}}}], headers: {request: {add: {a: b}}}}]\n")
    assert unhonoured(raw, *field_paths("VirtualService", NETWORKING)) == []
    assert unhonoured(raw, "spec.*") == []
    assert [one.path for one in unhonoured(raw)] == ["spec"]


@pytest.mark.parametrize("path", ["spec.htpp", "spec.http.x", "spec.http.match.headers.exact"])
def test_an_honoured_path_must_be_a_field(path: str) -> None:
    with pytest.raises(ValueError, match="names no field"):
        unhonoured(virtual_service("  hosts: [a]\n"), path)


def test_field_paths_are_the_leaves() -> None:
    paths = field_paths("VirtualService", NETWORKING)
    assert {"spec.hosts", "spec.http.match.headers.*.exact", "spec.http.retries.attempts"} <= set(paths)
    assert len(paths) == len(set(paths))
    with pytest.raises(KeyError):
        field_paths("Nothing", NETWORKING)


def test_the_kinds_that_have_schemas() -> None:
    kinds = {kind for _, kind in known_kinds()}
    assert {"VirtualService", "Sidecar", "WasmPlugin", "Service", "EndpointSlice", "Pod", "MeshConfig"} <= kinds
    assert find_schema("Gateway", "gateway.networking.k8s.io") is None
    assert schema_of("VirtualService").short_names == ("vs",)


def integers(bounds: Bounds) -> st.SearchStrategy[int]:
    low, high = bounds
    return st.integers(None if low is None else int(low), None if high is None else int(high))


def sizes(bounds: Bounds) -> dict[str, Any]:
    low = int(bounds.low or 0)
    return {"min_size": low, "max_size": min(int(bounds.high) if bounds.high is not None else low + 2, low + 2)}


def texts(node: Text) -> st.SearchStrategy[str]:
    if not node.formats:
        return st.text(alphabet="ab*/", **sizes(node.length))
    good = ["", "a", "80", "unix:///a", "https://a", "0" * 64]
    return st.sampled_from([text for text in good if node.fault(text) is None])


def values(node: Node) -> st.SearchStrategy[object]:  # noqa: C901  # one line for each type of node
    match node:
        case Text():
            return texts(node)
        case Choice():
            return st.sampled_from(list(node.values))
        case Integer():
            return integers(node.bounds)
        case Number():
            return st.floats(node.bounds.low, node.bounds.high, allow_nan=False, allow_infinity=False)
        case Duration():
            return st.integers(1000, 5000).map(lambda milliseconds: f"{milliseconds}ms")
        case Boolean():
            return st.booleans()
        case IntOrString():
            return st.integers() | st.text(max_size=3)
        case Timestamp():
            return st.datetimes().map(lambda moment: moment.isoformat() + "Z")
        case Bytes():
            return st.binary(max_size=4).map(lambda data: base64.b64encode(data).decode())
        case Anything() | AnyObject():
            return st.dictionaries(st.text(max_size=3), st.none() | st.integers(), max_size=2)
        case ListOf():
            size = {"min_size": 0, "max_size": 1} if node.unique else sizes(node.size)
            return st.lists(values(node.item), **size)
        case MapOf():
            return st.dictionaries(texts(node.key or Text()), values(node.value), **sizes(node.size))
        case Message():
            return st.deferred(lambda: messages(node))
    raise AssertionError(node)


@st.composite
def messages(draw: st.DrawFn, node: Message) -> dict[str, object]:
    optional = [name for name in node.fields if name not in node.required]
    chosen = set(draw(st.lists(st.sampled_from(optional), unique=True, max_size=3))) if optional else set()
    for group in node.any_of:
        chosen.add(draw(st.sampled_from(list(group))))
    for group in node.one_of:
        kept = [name for name in group if name in chosen][:1]
        chosen -= set(group) - set(kept)
    return {name: draw(values(node.fields[name])) for name in (*node.required, *chosen)}


@st.composite
def valid_objects(draw: st.DrawFn) -> tuple[Schema, dict[str, object]]:
    group, kind = draw(st.sampled_from([key for key in known_kinds() if key[1] != "MeshConfig"]))
    schema = schema_of(kind, group)
    document = draw(messages(schema.root))
    version = draw(st.sampled_from(schema.versions))
    document |= {"apiVersion": f"{group}/{version}".lstrip("/"), "kind": kind, "metadata": {"name": "n"}}
    return schema, document


def parsed(document: dict[str, object]) -> RawObject:
    result = parse_documents(json.dumps(document, indent=1), "f")
    assert not result.diagnostics
    return result.objects[0]


QUICK = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)


@QUICK
@given(valid_objects())
def test_what_the_schema_allows_has_no_errors(case: tuple[Schema, dict[str, object]]) -> None:
    schema, document = case
    raw = parsed(document)
    assert validate(raw, schema) == []
    assert not_honoured(raw, schema, frozenset(field_paths(schema.kind, schema.group))) == []


def closed_mappings(node: Node, value: object) -> list[dict[str, object]]:
    """Every mapping in a document in which an unknown field is an error."""
    match node, value:
        case Message(), dict():
            own = [] if node.is_open else [value]
            below = [closed_mappings(node.fields[name], item) for name, item in value.items() if name in node.fields]
        case ListOf(), list():
            own, below = [], [closed_mappings(node.item, item) for item in value]
        case MapOf(), dict():
            own, below = [], [closed_mappings(node.value, item) for item in value.values()]
        case _:
            return []
    return own + [found for part in below for found in part]


@QUICK
@given(valid_objects(), st.data())
def test_an_unknown_field_is_always_found(case: tuple[Schema, dict[str, object]], data: st.DataObject) -> None:
    schema, document = case
    candidates = closed_mappings(schema.root, document)
    if not candidates:
        return
    candidates[data.draw(st.integers(0, len(candidates) - 1))]["noSuchField"] = data.draw(st.none() | st.integers())
    raw = parsed(document)
    (found,) = validate(raw, schema)
    assert (found.code, found.path.rpartition(".")[2]) == ("unknown-field", "noSuchField")
    assert '"noSuchField"' in json.dumps(document, indent=1).split("\n")[found.origin.line - 1]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=5), below, max_size=3),
    max_leaves=6,
)


@QUICK
@given(valid_objects(), st.data())
def test_no_value_anywhere_raises(case: tuple[Schema, dict[str, object]], data: st.DataObject) -> None:
    schema, document = case
    candidates = closed_mappings(schema.root, document)
    target = candidates[data.draw(st.integers(0, len(candidates) - 1))] if candidates else document
    key = data.draw(
        st.sampled_from([name for name in target if name not in ("apiVersion", "kind", "metadata")] or ["spec"])
    )
    target[key] = data.draw(JSON_VALUES)
    for raw in parse_documents(json.dumps(document), "f").objects:
        validate(raw, schema)
        not_honoured(raw, schema, frozenset())


def test_the_files_define_every_message_they_name_and_no_other() -> None:
    defined: set[str] = set()
    named: set[str] = {"ObjectMeta"}
    for file in files("xds.config").joinpath("schema").iterdir():
        source = json.loads(file.read_text("utf-8"))
        assert defined.isdisjoint(source["messages"])
        defined |= source["messages"].keys()
        for message in (*source["messages"].values(), *(kind["fields"] for kind in source["kinds"].values())):
            named |= {str(expression).rpartition(" of ")[2] for expression in message.values()}
    assert defined == {name for name in named - {"True"} if name[:1].isupper()}


def test_integers_fit_64_bits() -> None:
    raw = parse_documents(
        f"apiVersion: {NETWORKING}/v1beta1\nkind: ProxyConfig\nmetadata: {{name: a}}\nspec: {{concurrency: {2**63}}}\n",
        "f",
    ).objects[0]
    assert [found.reason for found in validate(raw, schema_of("ProxyConfig"))] == [f"must be from 0 to {2**63 - 1}"]
