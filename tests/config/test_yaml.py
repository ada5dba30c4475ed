"""Text to objects: values, lines, isolation of broken documents, bounds, and reuse."""

from __future__ import annotations

import json
import textwrap

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from xds.config.document import Path, RawObject, format_path
from xds.config.yaml import ParsedFile, parse_documents, parse_settings
from xds.config.yaml_scalars import resolve_plain
from xds.model.objects import ObjectKey


def parse(text: str) -> ParsedFile:
    return parse_documents(textwrap.dedent(text).lstrip("\n"), "mesh.yaml")


def only(text: str) -> RawObject:
    parsed = parse(text)
    assert not parsed.diagnostics
    (raw,) = parsed.objects
    return raw


def findings(parsed: ParsedFile) -> list[tuple[int, str, str]]:
    return [(found.origin.line, found.path, found.code) for found in parsed.diagnostics]


SERVICE = """
apiVersion: v1
kind: Service
metadata:
  name: reviews
  namespace: shop
  labels: {app: reviews}
  creationTimestamp: "2026-01-31T10:00:00Z"
spec:
  ports:
  - port: 80
    name: http
  - name: grpc
    port: 90
"""


def test_identity_and_origin_of_an_object() -> None:
    raw = only(SERVICE)
    assert raw.key == ObjectKey("Service", "shop", "reviews")
    assert (raw.api_version, raw.meta.api_group, raw.meta.api_version) == ("v1", "", "v1")
    assert raw.meta.labels["app"] == "reviews"
    assert raw.meta.created == 1769853600.0
    assert str(raw.origin) == "mesh.yaml:1"


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("kind",), 2),
        (("metadata", "labels", "app"), 6),
        (("spec", "ports"), 9),
        (("spec", "ports", 0), 10),
        (("spec", "ports", 1, "port"), 13),
        (("spec", "ports", 1, "missing"), 12),
        (("spec", "ports", 7), 9),
        (("nothing", "here"), 1),
    ],
)
def test_a_line_is_that_of_the_field_or_its_nearest_parent(path: Path, line: int) -> None:
    assert only(SERVICE).line_of(path) == line


@pytest.mark.parametrize(
    "text", ["on", "yes", "y", "off", "No", "012", "1:30", "2020-01-01", "1_000", "0b1", "v1", "1.2.3"]
)
def test_what_yaml_1_1_would_convert_stays_text(text: str) -> None:
    assert resolve_plain(text) == text


CORE: dict[str, object] = {
    "": None,
    "~": None,
    "null": None,
    "true": True,
    "False": False,
    "0": 0,
    "-12": -12,
    "+7": 7,
    "0x1F": 31,
    "0o17": 15,
    "1.5": 1.5,
    "1e3": 1000.0,
    ".5": 0.5,
}


@pytest.mark.parametrize("text", CORE)
def test_the_core_schema(text: str) -> None:
    resolved = resolve_plain(text)
    assert (type(resolved), resolved) == (type(CORE[text]), CORE[text])


def test_a_number_of_absurd_length_does_not_raise() -> None:
    assert resolve_plain("1" * 100_000) == float("inf")


def test_quoted_scalars_are_text_and_tags_are_obeyed() -> None:
    raw = only("{apiVersion: v1, kind: K, metadata: {name: n}, a: '1', b: !!str 1, c: !!float 1, d: \"true\"}")
    assert [raw.document[key] for key in "abcd"] == ["1", "1", 1.0, "true"]


def test_namespaces_default_only_for_namespaced_kinds() -> None:
    parsed = parse(
        """
        {apiVersion: v1, kind: Service, metadata: {name: a}}
        ---
        {apiVersion: v1, kind: Namespace, metadata: {name: b}}
        """
    )
    assert [raw.namespace for raw in parsed.objects] == ["default", ""]


def test_a_broken_document_does_not_affect_its_neighbours() -> None:
    parsed = parse(
        """
        # a comment alone is no document
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: a}
        --- # broken
        apiVersion: v1
        kind: Service
        metadata: {name: b}
        spec: [1, 2
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: c}
        ...
        ---
        """
    )
    assert [(raw.name, raw.origin.line) for raw in parsed.objects] == [("a", 3), ("c", 12)]
    (found,) = parsed.diagnostics
    assert (found.code, found.object, parsed.unparsable) == ("yaml-syntax", ObjectKey("Service", "default", "b"), 1)
    assert "'['" in found.reason


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: c: d\n", 2, "unexpected ':'"),
        ("a:\n\tb: 1\n", 2, "tab"),
        ("a: @x\n", 1, "quote it"),
        ("a: 1\nb: 'x\n", 2, "not closed"),
        ("a: *nowhere\n", 1, "no anchor"),
        ("- 1\nb: 2\n", 2, "list item"),
        ("a: 1\nb: \x01\n", 2, "U+0001"),
        ("{a: 1}}\n", 1, "after the end"),
        ("a: !!python/name:os.system x\n", 1, "tag"),
        ("a: \udc80\n", 1, "U+DC80"),
    ],
)
def test_syntax_errors_say_where_and_why_in_plain_words(text: str, line: int, words: str) -> None:
    parsed = parse_documents(text, "f")
    found = parsed.diagnostics[0]
    assert (found.origin.line, found.code, parsed.unparsable) == (line, "yaml-syntax", 1)
    assert words in found.reason


def test_all_duplicate_and_non_string_keys_are_reported_with_lines() -> None:
    parsed = parse("a: 1\nb: {c: 1, c: 2}\nd:\n- x: 1\n  true: 2\na: 3\n")
    assert findings(parsed) == [
        (2, "b.c", "duplicate-key"),
        (5, "d[0].true", "non-string-key"),
        (6, "a", "duplicate-key"),
    ]
    assert "line 1" in parsed.diagnostics[2].reason
    assert parsed.unparsable == 0


def test_number_keys_are_text_as_in_kubernetes() -> None:
    raw = only("{apiVersion: v1, kind: K, metadata: {name: n}, ports: {8080: a}}")
    assert raw.document["ports"] == {"8080": "a"}


def test_anchors_and_merge_keys() -> None:
    raw = only(
        """
        apiVersion: v1
        kind: K
        metadata: {name: n}
        base: &base
          x: 1
          y: 2
        more: &more {z: 3}
        one:
          <<: *base
          y: 4
        two: {<<: [*more, *base]}
        again: *base
        """
    )
    assert raw.document["one"] == {"y": 4, "x": 1}
    assert raw.document["two"] == {"z": 3, "x": 1, "y": 2}
    assert raw.line_of(("one", "y")) == 10
    assert raw.line_of(("one", "x")) == 5
    assert raw.line_of(("again",)) == 12


@pytest.mark.parametrize("opener", ["[", "- ", "{a: ", "? "])
def test_deep_nesting_is_refused_not_followed(opener: str) -> None:
    parsed = parse_documents(opener * 100_000, "f")
    assert parsed.diagnostics
    assert not parsed.objects


def test_alias_bombs_are_refused_by_what_they_expand_to() -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    parsed = parse_documents("\n".join(rows), "f")
    assert findings(parsed)[0][2] == "too-large"


def test_a_file_beyond_the_limit_is_refused() -> None:
    assert findings(parse_documents("a" * (10 * 1024 * 1024 + 1), "f")) == [(1, "", "too-large")]


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("hello\n", [""]),
        ("- 1\n", [""]),
        ("{}\n", ["apiVersion", "kind", "metadata.name"]),
        ("{apiVersion: v1, kind: K, metadata: {name: 1}}\n", ["metadata.name"]),
        ("{apiVersion: v1, kind: K, metadata: 3}\n", ["metadata.name"]),
    ],
)
def test_what_is_not_an_object_is_an_error(text: str, paths: list[str]) -> None:
    parsed = parse_documents(text, "f")
    assert not parsed.objects
    assert [(found.path, found.code) for found in parsed.diagnostics] == [(path, "not-an-object") for path in paths]


def test_a_list_is_its_items() -> None:
    parsed = parse(
        """
        apiVersion: v1
        kind: List
        items:
        - {apiVersion: v1, kind: Service, metadata: {name: a}}
        - 3
        - {apiVersion: v1, kind: Service, metadata: {name: b}}
        """
    )
    assert [(raw.name, raw.origin.line) for raw in parsed.objects] == [("a", 4), ("b", 6)]
    assert findings(parsed) == [(5, "items[1]", "not-an-object")]
    assert len({raw.digest for raw in parsed.objects}) == 2


def test_json_with_tabs_and_escapes() -> None:
    document = {
        "apiVersion": "v1",
        "kind": "K",
        "metadata": {"name": "n"},
        "spec": {"a": "\U0001f600/\\u", "b": [1, None]},
    }
    raw = only(json.dumps(document, indent="\t").replace("/", "\\/"))
    assert raw.document == document
    assert raw.line_of(("spec", "b", 1)) == 11


@pytest.mark.parametrize("text", ["\ufeff{}", "%YAML 1.2\n---\n{}", "%YAML 1.2\n# c\n--- {}\n...\n", "---\r\n{}\r\n"])
def test_byte_order_marks_directives_and_other_line_ends(text: str) -> None:
    codes = {found.code for found in parse_documents(text, "f").diagnostics}
    assert codes == {"not-an-object"}


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "---\n---\n", "--- # x\n...\n", "~\n", "\ufeff"])
def test_empty_documents_are_skipped(text: str) -> None:
    parsed = parse_documents(text, "f")
    assert not parsed.objects
    assert not parsed.diagnostics


def test_unchanged_documents_are_the_same_objects_again() -> None:
    first, second = SERVICE.strip() + "\n---\n", SERVICE.strip().replace("reviews", "ratings") + "\n"
    before = parse_documents(first + second, "f")
    after = parse_documents(first + second.replace("90", "91"), "f", before)
    assert after.objects[0] is before.objects[0]
    assert after.objects[1] is not before.objects[1]
    assert after.objects[1].digest != before.objects[1].digest
    assert parse_documents(first + second, "f", before) is before
    moved = parse_documents("\n" + first + second, "f", before)
    assert moved.objects[0] is not before.objects[0]
    assert parse_documents(first + second, "g", before).objects[0].origin.file == "g"


def test_settings_are_one_bare_mapping() -> None:
    raw, problems = parse_settings("# mesh\nrootNamespace: istio-system\n", "m", "MeshConfig")
    assert raw is not None
    assert not problems
    assert (raw.document, raw.line_of(("rootNamespace",))) == ({"rootNamespace": "istio-system"}, 2)
    empty, _ = parse_settings("", "m", "MeshConfig")
    assert empty is not None
    assert empty.document == {}


@pytest.mark.parametrize("text", ["- 1", "a: [", "a: 1\n---\nb: 2\n"])
def test_settings_that_are_not_are_errors(text: str) -> None:
    raw, problems = parse_settings(text, "m", "MeshConfig")
    assert raw is None
    assert problems


@given(
    st.text(alphabet=st.characters(codec=None), max_size=200)
    | st.text(alphabet="-.:,#&*!|>'\"%@`{}[] \n\t\rab<~?\\u0", max_size=60)
)
def test_no_text_raises(text: str) -> None:
    parsed = parse_documents(text, "f")
    assert parsed.unparsable <= len(parsed.diagnostics)
    assert all(found.origin.line >= 1 for found in parsed.diagnostics)


NAMES = st.text(alphabet="abcdefgXYZ_-.", min_size=1, max_size=8)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=20)
    | st.sampled_from(
        ["on", "012", "1:30", "2020-01-01", "true", "null", "~", "", " a ", "- a", "a: b", "#", "multi\nline\n"]
    )
)
VALUES = st.recursive(
    SCALARS, lambda below: st.lists(below, max_size=4) | st.dictionaries(NAMES, below, max_size=4), max_leaves=12
)


@given(st.dictionaries(NAMES, VALUES, max_size=5), st.sampled_from(["yaml", "json"]))
def test_dumped_documents_come_back(spec: dict[str, object], language: str) -> None:
    document = {"apiVersion": "v1", "kind": "K", "metadata": {"name": "n"}, "spec": spec}
    if language == "json":
        text = json.dumps(document)
    else:
        text = yaml.safe_dump(document, default_style=None if resolves_alike(document) else '"', sort_keys=False)
    parsed = parse_documents(text, "f")
    assert not parsed.diagnostics
    assert parsed.objects[0].document == document


def resolves_alike(value: object) -> bool:
    """False if PyYAML writes a text without quotes that YAML 1.2 reads as a number, such as 1e3 or 0o7."""
    if isinstance(value, dict):
        return all(resolves_alike(item) for pair in value.items() for item in pair)
    if isinstance(value, list):
        return all(resolves_alike(item) for item in value)
    return (
        not isinstance(value, str)
        or yaml.safe_dump(value)[:1] in "'\"|>"
        or resolve_plain(value.strip()) == value.strip()
    )


@given(st.dictionaries(NAMES, VALUES, min_size=1, max_size=4), st.integers(0, 3))
def test_every_field_has_the_line_on_which_its_name_stands(spec: dict[str, object], blank: int) -> None:
    document = {"apiVersion": "v1", "kind": "K", "metadata": {"name": "n"}, "spec": spec}
    text = "\n" * blank + json.dumps(document, indent=1)
    raw = parse_documents(text, "f").objects[0]
    rows = text.split("\n")
    for path in field_paths(document, ()):
        assert rows[raw.line_of(path) - 1].strip().startswith(json.dumps(path[-1])), format_path(path)


def field_paths(value: object, path: Path) -> list[Path]:
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in [(*path, key), *field_paths(item, (*path, key))]]
    if isinstance(value, list):
        return [found for index, item in enumerate(value) for found in field_paths(item, (*path, index))]
    return []
