"""A set made from another one is the set that its groups make, and differs from others by what changed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from xds.resources import CLUSTER, Resource, ResourceSet

GROUPS = st.lists(st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("xyz")), max_size=4)


def groups_of(drawn: list[dict[str, str]]) -> tuple[dict[str, Resource], ...]:
    return tuple({name: Resource.of(CLUSTER, name, body.encode()) for name, body in group.items()} for group in drawn)


def bodies(resources: ResourceSet) -> dict[str, bytes]:
    return {resource.name: resource.body for resource in resources}


@given(GROUPS, GROUPS, st.integers(0, 4))
def test_a_regrouped_set_has_what_its_groups_have(
    before: list[dict[str, str]], after: list[dict[str, str]], n: int
) -> None:
    old_groups = groups_of(before)
    new_groups = (*old_groups[:n], *groups_of(after))
    old = ResourceSet({}).regrouped(old_groups)
    new = old.regrouped(new_groups)
    assert bodies(new) == {name: found.body for group in new_groups for name, found in group.items()}
    changed, removed = new.diff(old)
    assert {found.name for found in changed} == {k for k, v in bodies(new).items() if bodies(old).get(k) != v}
    assert sorted(removed) == sorted(bodies(old).keys() - bodies(new).keys())
