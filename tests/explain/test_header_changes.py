"""Changes to headers."""

from __future__ import annotations

import pytest
from envoy_data_plane.envoy.config.core.v3 import (
    HeaderValue,
    HeaderValueOption,
    HeaderValueOptionHeaderAppendAction,
)
from envoy_data_plane.envoy.config.route.v3 import Route

from xds.explain.header_changes import changed_request, request_changes

ACTION = HeaderValueOptionHeaderAppendAction


def option(action: HeaderValueOptionHeaderAppendAction, name: str = "X-A") -> HeaderValueOption:
    return HeaderValueOption(header=HeaderValue(key=name, value="new"), append_action=action)


@pytest.mark.parametrize(
    ("action", "present", "absent"),
    [
        (ACTION.APPEND_IF_EXISTS_OR_ADD, ["old", "new"], ["new"]),
        (ACTION.ADD_IF_ABSENT, ["old"], ["new"]),
        (ACTION.OVERWRITE_IF_EXISTS_OR_ADD, ["new"], ["new"]),
        (ACTION.OVERWRITE_IF_EXISTS, ["new"], []),
    ],
)
def test_adding(action: HeaderValueOptionHeaderAppendAction, present: list[str], absent: list[str]) -> None:
    levels = [Route(request_headers_to_add=[option(action)])]

    assert [value for _, value in changed_request((("x-a", "old"),), levels)] == present
    assert [value for _, value in changed_request((), levels)] == absent


def test_presence_is_decided_before_a_level_changes_anything_but_after_it_removed() -> None:
    absent, existing = option(ACTION.ADD_IF_ABSENT), option(ACTION.OVERWRITE_IF_EXISTS)
    twice = [Route(request_headers_to_add=[absent, absent])]
    never = [Route(request_headers_to_add=[absent, existing], request_headers_to_remove=["x-a"])]

    assert changed_request((), twice) == (("x-a", "new"), ("x-a", "new"))
    assert changed_request((("x-a", "old"),), never) == (("x-a", "new"),)
    assert changed_request((), twice * 2) == (("x-a", "new"), ("x-a", "new"))


def test_of_one_level_removal_comes_first_then_what_is_set_then_what_is_added() -> None:
    added, set_ = option(ACTION.APPEND_IF_EXISTS_OR_ADD), option(ACTION.OVERWRITE_IF_EXISTS_OR_ADD)
    route = Route(request_headers_to_add=[added, set_], request_headers_to_remove=["x-b"])

    assert list(map(str, request_changes([route]))) == ["remove x-b", "set X-A: new", "add X-A: new"]


def test_an_empty_value_is_not_added_unless_it_is_kept() -> None:
    def empty(*, keep: bool) -> HeaderValueOption:
        return HeaderValueOption(header=HeaderValue(key="x-a"), keep_empty_value=keep)

    found = [request_changes([Route(request_headers_to_add=[empty(keep=keep)])]) for keep in (False, True)]

    assert [len(changes) for changes in found] == [0, 1]


@pytest.mark.parametrize(("append", "action"), [(True, "add"), (False, "set")])
def test_the_older_way_to_append(append: bool, action: str) -> None:
    older = option(ACTION.ADD_IF_ABSENT)
    older.append = append

    assert [change.action for change in request_changes([Route(request_headers_to_add=[older])])] == [action]


def test_levels_in_the_order_given() -> None:
    levels = [Route(request_headers_to_remove=["x-a"]), Route(request_headers_to_remove=["x-b"])]

    assert [change.name for change in request_changes(levels)] == ["x-a", "x-b"]
