"""What is said about a VirtualService that is valid, and cannot be what its author means."""

from __future__ import annotations

import pytest

from tests.config.kinds.istio import accepted, warned
from xds.config.kinds.virtual_service import KIND

TO = "route: [{destination: {host: a}}]"


def said(rules: str, head: str = "hosts: [a]") -> list[tuple[int, str, str]]:
    """Line within the rules, path and code."""
    return [(line - 2, path, code) for line, path, code in warned(KIND, f"{head}\nhttp:\n{rules}")[1]]


def nothing(rules: str, head: str = "hosts: [a]") -> None:
    accepted(KIND, f"{head}\nhttp:\n{rules}")


def test_weights_that_do_not_add_up() -> None:
    targets = "[{destination: {host: a}, weight: 60}, {destination: {host: b}, weight: %d}]"
    assert said(f"- route: {targets % 60}") == [(1, "spec.http[0].route", "weights")]
    nothing(f"- route: {targets % 40}")
    nothing("- route: [{destination: {host: a}, weight: 7}]")
    tcp = f"hosts: [a]\ntcp:\n- route: {targets % 41}"
    assert warned(KIND, tcp)[1] == [(3, "spec.tcp[0].route", "weights")]


def test_a_rule_after_one_that_takes_everything() -> None:
    assert said(f"- {TO}\n- {TO}\n- match: [{{uri: {{exact: /a}}}}]\n  {TO}") == [
        (2, "spec.http[1]", "shadowed-rule"),
        (3, "spec.http[2].match[0]", "shadowed-rule"),
    ]


@pytest.mark.parametrize("everything", ["uri: {prefix: /}", "uri: {regex: '.*'}", "name: all"])
def test_matches_that_take_everything(everything: str) -> None:
    assert said(f"- match: [{{{everything}}}]\n  {TO}\n- {TO}") == [(3, "spec.http[1]", "shadowed-rule")]


def test_a_match_that_was_there_before() -> None:
    match = "match: [{uri: {prefix: /a}, headers: {x: {exact: '1'}, y: {}}}]"
    again = "match: [{headers: {y: {}, x: {exact: '1'}}, uri: {prefix: /a}, name: other}, {uri: {prefix: /b}}]"
    assert said(f"- {match}\n  {TO}\n- {again}\n  {TO}") == [(3, "spec.http[1].match[0]", "shadowed-match")]


@pytest.mark.parametrize(
    "narrow", ["port: 80", "sourceLabels: {app: b}", "sourceNamespace: b", "gateways: [front]", "method: {exact: GET}"]
)
def test_what_takes_a_part_only_shadows_nothing(narrow: str) -> None:
    nothing(f"- match: [{{{narrow}}}]\n  {TO}\n- {TO}", "hosts: [a]\ngateways: [mesh, front]")


def test_gateways_are_taken_one_by_one() -> None:
    rules = f"- match: [{{gateways: [front]}}]\n  {TO}\n- match: [{{gateways: [mesh]}}]\n  {TO}\n- {TO}"
    assert said(rules, "hosts: [a]\ngateways: [mesh, front]") == [(6, "spec.http[2]", "shadowed-rule")]


@pytest.mark.parametrize("condition", ["5xx", "gateway-error", "reset", "503", "connect-failure,502"])
def test_retries_after_the_request_may_have_been_processed(condition: str) -> None:
    retries = f"retries: {{attempts: 2, retryOn: '{condition}'}}\n  {TO}"
    expected = [(1, "spec.http[0].retries.retryOn", "unsafe-retry")]
    assert said(f"- {retries}") == expected
    assert said(f"- match: [{{method: {{exact: GET}}}}, {{method: {{exact: POST}}}}]\n  {retries}") == [
        (2, "spec.http[0].retries.retryOn", "unsafe-retry")
    ]
    nothing(f"- match: [{{method: {{exact: GET}}}}, {{method: {{exact: PUT}}}}]\n  {retries}")


def test_other_retries_are_safe() -> None:
    nothing(f"- retries: {{attempts: 2, retryOn: 'connect-failure,refused-stream,429'}}\n  {TO}")
    nothing(f"- retries: {{attempts: 2}}\n  {TO}")
    nothing("- retries: {attempts: 2, retryOn: 5xx}\n  redirect: {uri: /a}")
