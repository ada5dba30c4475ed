"""Every code of a diagnostic, with its message. A new code is one entry here, and ``make docs`` puts it on the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from xds.config.analysis.message import Message
from xds.config.analysis.messages_istio import ISTIO
from xds.config.analysis.messages_own import OWN

MESSAGES: Final[Mapping[str, Message]] = {**ISTIO, **OWN}
"""By the code of the diagnostic. Several may have one message's code: Istio tells less of them apart."""


def message_of(code: str) -> Message:
    """The message for a diagnostic's code; one that says no more than the code, if the catalogue does not have it."""
    return MESSAGES.get(code) or Message(code, code, "", "")
