"""Metrics of others: what of them is passed on, whatever they say and in whatever pieces it comes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from xds.agent.status.exposition import MAX_LINE, LineError, WholeLines, of_application, of_envoy

GOOD = b"""\
# HELP requests_total Requests, of \\\\all kinds\\n.
# TYPE requests_total counter
requests_total{code="200",path="/a \\"b\\" \\\\ c"} 12
requests_total{code="500",} 1.5e+3 1700000000000
temperature -0.5
up{} +Inf
quantile { a = "b" , c = "d" } NaN
"""

WORDS = st.sampled_from(
    [
        "a",
        "a_total",
        '{a="b"}',
        '{a="b",}',
        "{",
        "}",
        '"',
        " ",
        "1",
        "-1.5e3",
        "NaN",
        "# TYPE a counter",
        "#",
        "\\",
        "é",
    ]
)


def test_what_is_right_is_passed_on_as_it_is() -> None:
    assert of_application(GOOD) == GOOD


@pytest.mark.parametrize(
    "line",
    [
        "<html>",
        "# EOF",
        "# a remark",
        "# TYPE a info",
        "# HELP",
        "a",
        "a one",
        "a 1 2 3",
        'a{b="c" d="e"} 1',
        'a{b="\\t"} 1',
        "a 1e999",
        "1a 1",
        'a 1 # {trace="x"} 1',
        "a 1\r",
    ],
)
def test_what_is_not_in_the_format_costs_only_its_own_line(line: str) -> None:
    assert of_application(f"before 1\n{line}\nafter 2\n".encode()) == b"before 1\nafter 2\n"


@given(st.lists(st.lists(WORDS, max_size=6).map("".join), max_size=8))
@example(['a{a="b"} 1'])
def test_what_is_passed_on_can_be_read_whatever_an_application_says(lines: list[str]) -> None:
    kept = of_application("".join(f"{line}\n" for line in lines).encode()).decode()
    samples = [sample for family in text_string_to_metric_families(kept) for sample in family.samples]
    assert len(samples) == sum(not line.startswith("#") for line in kept.splitlines())


@given(st.binary(max_size=300))
def test_no_bytes_can_spoil_what_follows(noise: bytes) -> None:
    kept = of_application(noise.replace(b"\n", b"") + b"\nafter 2\n")
    assert kept.endswith(b"after 2\n")
    kept.decode()


@given(st.lists(st.integers(0, len(GOOD)), max_size=6))
def test_pieces_make_no_difference(cuts: list[int]) -> None:
    marks = sorted({0, *cuts, len(GOOD)})
    whole = WholeLines()
    pieces = [whole.feed(GOOD[start:end]) for start, end in pairwise(marks)]
    assert all(not piece or piece.endswith(b"\n") for piece in pieces)
    assert b"".join(pieces) + whole.end() == GOOD


def test_a_last_line_needs_no_end() -> None:
    whole = WholeLines()
    assert whole.feed(b"a 1\nb 2") == b"a 1\n"
    assert whole.end() == b"b 2\n"


def test_a_line_without_end_is_not_gathered_for_ever() -> None:
    whole = WholeLines()
    whole.feed(b"a" * MAX_LINE)
    with pytest.raises(LineError, match="longer than"):
        whole.feed(b"a")


def test_metrics_of_istio_get_istios_names() -> None:
    envoy = b"""\
# TYPE envoy_istio_requests_total counter
envoy_istio_requests_total{envoy_istio_like="x"} 3
# TYPE envoy_cluster_upstream_cx_total counter
envoy_cluster_upstream_cx_total{envoy_cluster_name="envoy_istio_x"} 2
"""
    assert (
        of_envoy(envoy)
        == b"""\
# TYPE istio_requests_total counter
istio_requests_total{envoy_istio_like="x"} 3
# TYPE envoy_cluster_upstream_cx_total counter
envoy_cluster_upstream_cx_total{envoy_cluster_name="envoy_istio_x"} 2
"""
    )
