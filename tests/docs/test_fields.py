"""The table of fields: current, every claim with its proof, every other field with its reason."""

from __future__ import annotations

from pathlib import Path

from docs.field_proofs import traffic_proofs
from docs.field_reasons import REASONS
from docs.field_table import Row, covers, current_problems, problems
from docs.generate_fields import TARGET, document
from tests.goldens.mutation import places, variants


def test_every_claim_has_its_proof_and_every_other_field_its_reason() -> None:
    assert current_problems() == []


def test_the_table_is_current() -> None:
    assert TARGET.read_text() == document(), "run `make docs`"


def test_a_star_covers_what_is_below_and_a_plain_path_only_itself() -> None:
    honoured = frozenset({"spec.tls.*", "spec.port.number"})
    assert covers(honoured, "spec.tls.mode")
    assert covers(honoured, "spec.port.number")
    assert not covers(honoured, "spec.port.name")
    assert not covers(honoured, "spec.tls2.mode")


def test_a_claim_without_proof_is_a_problem() -> None:
    rows = {"A": (Row("spec.a", golden="config/a"), Row("spec.b", as_in="spec.a"), Row("spec.c"))}

    found = problems(rows, {("A", "spec.a"), ("A", "spec.b"), ("A", "spec.c")}, {}, {})
    assert found == ["A spec.c is claimed as honoured, but no golden case changes with it"]


def test_a_claim_of_what_is_no_field_is_a_problem() -> None:
    assert problems({"A": ()}, {("A", "spec.gone")}, {}, {}) == ["A spec.gone is claimed, but no field"]


def test_a_field_without_reason_is_a_problem() -> None:
    (found,) = problems({"A": (Row("spec.a"), Row("spec.b", reason="no"))}, set(), {}, {})
    assert found.startswith("A spec.a is not honoured, and")


def test_a_reason_for_an_honoured_or_unknown_field_is_a_problem() -> None:
    rows = {"A": (Row("spec.a", golden="config/a"), Row("spec.b.c", reason="no"))}
    claimed = {("A", "spec.a")}

    assert problems(rows, claimed, {"A": {"spec.b.*": "no"}}, {}) == []
    assert len(problems(rows, claimed, {"A": {"spec.a": "no", "spec.gone": "no"}, "B": {"spec.a": "no"}}, {})) == 3


def test_a_mark_on_a_field_that_is_not_honoured_is_a_problem() -> None:
    rows = {"A": (Row("spec.a", golden="config/a"), Row("spec.b", reason="no"))}
    marks = {("A", "spec.a"): ("t",), ("A", "spec.b"): ("t",), ("B", "spec.a"): ("t",)}

    assert len(problems(rows, {("A", "spec.a")}, {}, marks)) == 2


def test_marks_are_read_from_the_source(tmp_path: Path) -> None:
    test = tmp_path / "test_it.py"
    test.write_text("@proves('A', 'spec.a', 'spec.b')\nasync def test_a(): ...\n\ndef test_b(): ...\n")

    assert traffic_proofs(tmp_path) == {
        ("A", "spec.a"): ("test_it.py::test_a",),
        ("A", "spec.b"): ("test_it.py::test_a",),
    }


def test_reasons_are_given_for_kinds_that_there_are() -> None:
    assert all(reasons for reasons in REASONS.values())


def test_a_field_is_found_wherever_it_is_given() -> None:
    document = {"spec": {"http": [{"match": [{"headers": {"a": {"exact": "1"}, "b": {"prefix": "2"}}}]}, {}]}}

    assert list(places(document, "spec.http.match.headers.*.exact")) == [
        ("spec", "http", 0, "match", 0, "headers", "a", "exact")
    ]
    assert list(places(document, "spec.http.timeout")) == []


def test_a_document_varies_in_one_field() -> None:
    document: dict[str, object] = {"spec": {"weight": 1, "host": "a1"}}

    assert list(variants(document, ("spec", "weight"))) == [
        {"spec": {"host": "a1"}},
        {"spec": {"weight": 2, "host": "a1"}},
    ]
    assert [each["spec"] for each in variants(document, ("spec", "host"))] == [
        {"weight": 1},
        {"weight": 1, "host": "a1x"},
        {"weight": 1, "host": "a2"},
    ]
    assert document == {"spec": {"weight": 1, "host": "a1"}}
