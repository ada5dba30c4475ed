"""One attempt to get a certificate, and why it failed."""

from __future__ import annotations


class AttemptError(Exception):
    """It failed, and will be made again. advice: what somebody can do about it. refused: because of what was
    shown, or maybe so: something else may be shown."""

    def __init__(self, reason: str, advice: str, *, refused: bool = False) -> None:
        super().__init__(reason)
        self.advice = advice
        self.refused = refused
