"""Typed access, paths and lines of semantic findings."""

from __future__ import annotations

from datetime import timedelta

import pytest

from xds.config.document import RawObject
from xds.config.reader import Reader
from xds.config.scalars import parse_host
from xds.config.yaml import parse_documents
from xds.model.diagnostic import Severity
from xds.model.labels import EMPTY_LABELS, Labels

TEXT = """\
apiVersion: v1
kind: K
metadata: {name: n}
spec:
  host: reviews
  nothing: null
  weight: 3
  ratio: 2
  on: true
  timeout: 1.5s
  selector: {app: a, none: null}
  ports: {http: 80}
  hosts:
  - a.example.com
  - "not a host"
  codes: [1, 2]
  http:
  - name: first
  - name: second
    route: {host: x}
  tags:
    one: {value: a}
    two: null
"""


@pytest.fixture
def raw() -> RawObject:
    return parse_documents(TEXT, "f.yaml").objects[0]


@pytest.fixture
def spec(raw: RawObject) -> Reader:
    return Reader(raw).section("spec")


def test_values_have_their_types(spec: Reader) -> None:
    assert (spec.text("host"), spec.integer("weight"), spec.number("ratio"), spec.flag("on")) == (
        "reviews",
        3,
        2.0,
        True,
    )
    assert spec.duration("timeout") == timedelta(seconds=1.5)
    assert spec.strings("hosts") == ("a.example.com", "not a host")
    assert spec.integers("codes") == (1, 2)
    assert spec.labels("selector") == Labels({"app": "a"})
    assert spec.integer_map("ports") == {"http": 80}
    assert spec.raw_value("ratio") == 2


@pytest.mark.parametrize("name", ["nothing", "absent"])
def test_null_and_absent_give_defaults(spec: Reader, name: str) -> None:
    assert not spec.has(name)
    assert (spec.text(name), spec.text(name, "d")) == ("", "d")
    assert (spec.integer(name), spec.integer(name, None), spec.number(name, None)) == (0, None, None)
    assert (spec.flag(name), spec.flag(name, None), spec.duration(name)) == (False, None, None)
    assert (spec.strings(name), spec.labels(name), spec.items(name), spec.entries(name)) == ((), EMPTY_LABELS, [], [])
    assert spec.child(name) is None
    assert not spec.section(name).has("x")


def test_readers_below_know_where_they_stand(spec: Reader) -> None:
    first, second = spec.items("http")
    assert (first.path, first.origin.line) == (("spec", "http", 0), 18)
    route = second.child("route")
    assert route is not None
    assert (route.path, str(route.origin)) == (("spec", "http", 1, "route"), "f.yaml:20")
    assert second.origin_of("route").line == 20
    assert [(key, entry.text("value")) for key, entry in spec.entries("tags")] == [("one", "a")]


def test_findings_have_object_path_line_and_code(raw: RawObject) -> None:
    reader = Reader(raw)
    second = reader.section("spec").items("http")[1]
    second.error(("route", "host"), "no such host", "unknown-host")
    second.warning("name", "odd", "odd-name")
    second.info((), "just so", "note")
    assert [str(found) for found in reader.problems] == [
        "error  f.yaml:20  K/n.default  spec.http[1].route.host: no such host",
        "warning  f.yaml:19  K/n.default  spec.http[1].name: odd",
        "info  f.yaml:19  K/n.default  spec.http[1]: just so",
    ]
    assert [found.code for found in reader.problems] == ["unknown-host", "odd-name", "note"]


def test_parsers_report_and_leave_out_what_they_refuse(spec: Reader) -> None:
    assert spec.parsed("host", parse_host, "") == "reviews"
    assert spec.parsed_strings("hosts", parse_host) == ("a.example.com",)
    (found,) = spec.problems
    assert (found.severity, found.origin.line, found.path) == (Severity.ERROR, 15, "spec.hosts[1]")


@pytest.mark.parametrize("method", ["integer", "number", "flag", "strings", "labels", "child", "items", "entries"])
def test_a_type_that_the_schema_rules_out_is_a_bug(spec: Reader, method: str) -> None:
    with pytest.raises(TypeError, match=r"spec\.host"):
        getattr(spec, method)("host")
