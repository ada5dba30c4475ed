"""What Envoy adds to headers and removes from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from envoy_data_plane.envoy.config.core.v3 import HeaderValueOption, HeaderValueOptionHeaderAppendAction

Headers = tuple[tuple[str, str], ...]

_WORDS = {
    HeaderValueOptionHeaderAppendAction.APPEND_IF_EXISTS_OR_ADD: "add",
    HeaderValueOptionHeaderAppendAction.ADD_IF_ABSENT: "add if absent",
    HeaderValueOptionHeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD: "set",
    HeaderValueOptionHeaderAppendAction.OVERWRITE_IF_EXISTS: "set if present",
}


class Level(Protocol):
    """What can change headers: a weighted cluster, a route, a virtual host, a RouteConfiguration."""

    request_headers_to_add: list[HeaderValueOption]
    request_headers_to_remove: list[str]
    response_headers_to_add: list[HeaderValueOption]
    response_headers_to_remove: list[str]


@dataclass(frozen=True, slots=True)
class HeaderChange:
    """One change. action: ``set``, ``add``, ``add if absent``, ``set if present`` or ``remove``, which has no value."""

    action: str
    name: str
    value: str = ""

    def __str__(self) -> str:
        return f"{self.action} {self.name}: {self.value}" if self.action != "remove" else f"remove {self.name}"


def request_changes(levels: Iterable[Level]) -> tuple[HeaderChange, ...]:
    """The changes to a request, in the order in which they are made."""
    return tuple(
        change for level in levels for change in _changes(level.request_headers_to_remove, level.request_headers_to_add)
    )


def response_changes(levels: Iterable[Level]) -> tuple[HeaderChange, ...]:
    """The changes to a response, in the order in which they are made."""
    return tuple(
        change
        for level in levels
        for change in _changes(level.response_headers_to_remove, level.response_headers_to_add)
    )


def _changes(removed: Sequence[str], added: Sequence[HeaderValueOption]) -> list[HeaderChange]:
    """Of one level: what is removed comes first, then what is set, then what is added."""
    changes = [
        HeaderChange(_WORDS[_action(option)], option.header.key, option.header.value)
        for option in added
        if option.header is not None and (option.header.value or option.keep_empty_value)
    ]
    return [HeaderChange("remove", name) for name in removed] + sorted(changes, key=_order)


def _action(option: HeaderValueOption) -> HeaderValueOptionHeaderAppendAction:
    """``append`` is an older way to say it."""
    if option.append is None:
        return option.append_action
    actions = HeaderValueOptionHeaderAppendAction
    return actions.APPEND_IF_EXISTS_OR_ADD if option.append else actions.OVERWRITE_IF_EXISTS_OR_ADD


def _order(change: HeaderChange) -> bool:
    return change.action.startswith("add")


def changed_request(headers: Headers, levels: Iterable[Level]) -> Headers:
    """A request's headers after the changes of all levels; names are in lower case. Variables such as ``%PROTOCOL%``
    stand as they are."""
    for level in levels:
        headers = _changed(headers, _changes(level.request_headers_to_remove, level.request_headers_to_add))
    return headers


def _changed(headers: Headers, changes: Sequence[HeaderChange]) -> Headers:
    """After the changes of one level. What depends on a header's presence is decided before any is set or added."""
    removed = {change.name.lower() for change in changes if change.action == "remove"}
    headers = tuple(item for item in headers if item[0] not in removed)
    present = {name for name, _ in headers}
    for change in changes:
        name = change.name.lower()
        if change.action == "set" or (change.action == "set if present" and name in present):
            headers = (*(item for item in headers if item[0] != name), (name, change.value))
        elif change.action == "add" or (change.action == "add if absent" and name not in present):
            headers = (*headers, (name, change.value))
    return headers
