"""Header changes: Istio ``Headers`` to Envoy's lists, and the authority that hides among them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from envoy_data_plane.envoy.config.core.v3 import (
    HeaderValue,
    HeaderValueOption,
    HeaderValueOptionHeaderAppendAction,
)

from xds.model.routing import HeaderOperations, Headers

_SET = HeaderValueOptionHeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD
_ADD = HeaderValueOptionHeaderAppendAction.APPEND_IF_EXISTS_OR_ADD


@dataclass(frozen=True, slots=True, eq=False)
class HeaderChanges:
    """What Envoy is told. authority: what ``host`` or ``:authority`` was set to, or empty: Envoy refuses these as
    headers to set, a rewrite of the host does it."""

    request_add: tuple[HeaderValueOption, ...] = ()
    request_remove: tuple[str, ...] = ()
    response_add: tuple[HeaderValueOption, ...] = ()
    response_remove: tuple[str, ...] = ()
    authority: str = ""

    def __add__(self, other: HeaderChanges) -> HeaderChanges:
        """Both, these first; the authority of these if they have one."""
        return HeaderChanges(
            self.request_add + other.request_add,
            self.request_remove + other.request_remove,
            self.response_add + other.response_add,
            self.response_remove + other.response_remove,
            self.authority or other.authority,
        )

    def __bool__(self) -> bool:
        """True if Envoy has anything to add or remove."""
        return bool(self.request_add or self.request_remove or self.response_add or self.response_remove)


NO_CHANGES = HeaderChanges()


def header_changes(headers: Headers | None) -> HeaderChanges:
    """``set`` overwrites, ``add`` appends."""
    if headers is None:
        return NO_CHANGES
    request, response = headers.request, headers.response
    return HeaderChanges(
        request_add=tuple(_options(request)),
        request_remove=_removed(request),
        response_add=tuple(_options(response)),
        response_remove=_removed(response),
        authority=_authority(request),
    )


def _options(operations: HeaderOperations | None) -> Iterator[HeaderValueOption]:
    if operations is None:
        return
    for action, values in ((_SET, operations.set), (_ADD, operations.add)):
        for name, value in values.items():
            if not _is_reserved(name):
                yield HeaderValueOption(header=HeaderValue(key=name, value=value), append_action=action)


def _removed(operations: HeaderOperations | None) -> tuple[str, ...]:
    return tuple(name for name in operations.remove if not _is_reserved(name)) if operations else ()


def _authority(request: HeaderOperations | None) -> str:
    """Istio: one that is set beats one that is added."""
    if request is None:
        return ""
    values = (*request.set.items(), *request.add.items())
    return next((value for name, value in values if name.lower() in ("host", ":authority")), "")


def _is_reserved(name: str) -> bool:
    """Envoy rejects a configuration that changes pseudo-headers or ``host`` like other headers."""
    return name.startswith(":") or name.lower() == "host"
