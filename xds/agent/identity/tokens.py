"""Tokens in files, by which a workload proves who it is. They are read whenever they are needed: others renew them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from xds.agent.identity.attempt import AttemptError
from xds.agent.identity.proof import Means
from xds.model.credentials import Sealed

MAX_TOKEN: Final = 16_384
"""Characters of a token. Kubernetes' have about 1,000."""


@dataclass(frozen=True, slots=True)
class TokenFile:
    """Where a token is. single_use: a join token; otherwise the token of a service account."""

    path: Path
    single_use: bool

    @property
    def means(self) -> Means:
        """What sort of proof it has."""
        return Means.JOIN_TOKEN if self.single_use else Means.TOKEN

    @property
    def option(self) -> str:
        """How it was given."""
        return "--join-token" if self.single_use else "--token"

    def read(self) -> Sealed:
        """The token that is there now. Raises AttemptError."""
        try:
            content = self.path.read_bytes()[: MAX_TOKEN + 2].strip()
        except OSError as error:
            raise AttemptError(f"{self.option} {self.path} cannot be read: {error.strerror}", self._advice) from error
        if not content:
            raise AttemptError(f"{self.option} {self.path} is empty", self._advice)
        if len(content) > MAX_TOKEN or not content.isascii() or len(content.split()) != 1:
            raise AttemptError(f"{self.option} {self.path} has no token, or more than one", self._advice)
        return Sealed(content)

    @property
    def _advice(self) -> str:
        if self.single_use:
            return f"write a new token into it: pilothouse token create --ca-dir DIR --spiffe-id ID > {self.path}"
        return "whatever renews the tokens of the service account has to write one there, for the agent to read"


def digest(token: Sealed) -> str:
    """Tells tokens apart without telling them."""
    return hashlib.sha256(token.reveal()).hexdigest()
