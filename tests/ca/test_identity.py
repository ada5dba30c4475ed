"""SPIFFE IDs: what is one, and what is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xds.model.identity import SpiffeId


def test_an_id_of_a_workload() -> None:
    found = SpiffeId.parse("spiffe://cluster.local/ns/default/sa/reviews")
    assert (found.trust_domain, found.namespace, found.service_account) == ("cluster.local", "default", "reviews")
    assert found == SpiffeId.of_workload("cluster.local", "default", "reviews")
    assert found.is_workload
    assert str(found) == "spiffe://cluster.local/ns/default/sa/reviews"


def test_an_id_of_a_trust_domain() -> None:
    found = SpiffeId.parse("spiffe://cluster.local")
    assert (found.path, found.namespace, found.is_workload) == ("", "", False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cluster.local/ns/a/sa/b",
        "https://cluster.local/a",
        "SPIFFE://cluster.local/a",
        "spiffe://",
        "spiffe:///a",
        "spiffe://Cluster.local/a",
        "spiffe://user@cluster.local/a",
        "spiffe://cluster.local:80/a",
        "spiffe://cluster.local/",
        "spiffe://cluster.local/a/",
        "spiffe://cluster.local//a",
        "spiffe://cluster.local/a/../b",
        "spiffe://cluster.local/.",
        "spiffe://cluster.local/a?b",
        "spiffe://cluster.local/a#b",
        "spiffe://cluster.local/a%20b",
        "spiffe://cluster.local/ä",
        "spiffe://" + "a" * 256,
        "spiffe://cluster.local/" + "a" * 2048,
    ],
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        SpiffeId.parse(text)


@pytest.mark.parametrize(("namespace", "account"), [("", "a"), ("a", ""), ("a/b", "c"), ("..", "a"), ("a", "b c")])
def test_names_that_cannot_be_in_one(namespace: str, account: str) -> None:
    with pytest.raises(ValueError, match="cannot be part of a path"):
        SpiffeId.of_workload("cluster.local", namespace, account)


@given(st.text(max_size=40).map("spiffe://".__add__))
def test_what_is_read_is_written_the_same(text: str) -> None:
    try:
        found = SpiffeId.parse(text)
    except ValueError:
        return
    assert str(found) == text
