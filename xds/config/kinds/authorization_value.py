"""What the values of an AuthorizationPolicy may be, by what they are about."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from xds.config.document import Path
from xds.config.kinds.path_template import check_path
from xds.config.reader import Reader
from xds.config.scalars import parse_cidr, parse_port
from xds.model.authorization import Attribute

_METHOD: Final = re.compile(r"[-!#$%&'+.^_`|~0-9A-Z*]+")
_ACCOUNT: Final = re.compile(r"(?:[^/*]+/)?[^/*]+")
_SPIFFE: Final = "spiffe://"

_WILD: Final = frozenset(Attribute) - {
    Attribute.SOURCE_SERVICE_ACCOUNT,
    Attribute.SOURCE_NAMESPACE,
    Attribute.SOURCE_IP,
    Attribute.REMOTE_IP,
    Attribute.DESTINATION_IP,
    Attribute.DESTINATION_PORT,
}
"""Those that are compared as texts, with ``*`` at either end. Of a namespace it may stand anywhere."""


def check_value(reader: Reader, path: Path, attribute: Attribute, value: str) -> None:
    """Reports a value that cannot be, and one that can never be met."""
    if not value:
        reader.error(path, "must not be empty", "missing-field")
        return
    try:
        _CHECKS.get(attribute, _anything)(value)
    except ValueError as error:
        reader.error(path, str(error), "invalid-value")
        return
    remark = _remark(attribute, value)
    if remark:
        reader.warning(path, remark, "no-effect")


def _anything(value: str) -> None:
    """Any text will do."""


def _account(value: str) -> None:
    if not _ACCOUNT.fullmatch(value):
        raise ValueError(f"{value[:60]!r} is neither SERVICE_ACCOUNT nor NAMESPACE/SERVICE_ACCOUNT without wildcards")


def _address(value: str) -> None:
    parse_cidr(value)


def _port(value: str) -> None:
    parse_port(value)


_CHECKS: Final[Mapping[Attribute, Callable[[str], None]]] = {
    Attribute.SOURCE_SERVICE_ACCOUNT: _account,
    Attribute.SOURCE_IP: _address,
    Attribute.REMOTE_IP: _address,
    Attribute.DESTINATION_IP: _address,
    Attribute.DESTINATION_PORT: _port,
    Attribute.PATH: check_path,
}


def _remark(attribute: Attribute, value: str) -> str:
    """Why nothing will ever be equal to the value, or not to what it looks like; empty if there is nothing to say."""
    if attribute is Attribute.SOURCE_PRINCIPAL and value.startswith(_SPIFFE):
        return f"matches nobody: principals are written without {_SPIFFE}"
    if attribute is Attribute.REQUEST_PRINCIPAL and "/" not in value and "*" not in value:
        return "matches nobody: a request principal is ISSUER/SUBJECT"
    if attribute is Attribute.METHOD and not _METHOD.fullmatch(value):
        return "matches no request: methods are written in upper case"
    if attribute is Attribute.PATH and not value.startswith(("/", "*")):
        return "matches no request: a path begins with /"
    if attribute in _WILD and "*" in value.replace("{*}", "").replace("{**}", "").removeprefix("*").removesuffix("*"):
        return "a * within a value stands for itself: it counts only at the beginning or at the end"
    if attribute in _WILD and value.startswith("*") and value.endswith("*") and len(value) > 1:
        return "only the first * counts, the last one stands for itself"
    return ""
