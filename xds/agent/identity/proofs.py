"""What there is to show to the control plane now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from xds.agent.identity.attempt import AttemptError
from xds.agent.identity.proof import Means, means
from xds.agent.identity.svid import Svid
from xds.agent.identity.timing import is_valid
from xds.agent.identity.tokens import TokenFile, digest
from xds.model.credentials import Sealed


@dataclass(frozen=True, slots=True)
class Proof:
    """What is shown. svid: as client certificate. token: as bearer token. One of them is None."""

    means: Means
    svid: Svid | None = None
    token: Sealed | None = None


class Proofs:
    """Knows which token has been used up. token: None if there is none."""

    def __init__(self, token: TokenFile | None) -> None:
        self._token = token
        self._spent = ""

    def at(self, svid: Svid | None, now: datetime) -> Iterator[Proof]:
        """In the order in which they are tried; a token is read when its turn comes. Raises AttemptError if there is
        nothing that could be shown, or if a token cannot be read."""
        held = svid if svid is not None and is_valid(svid, now) else None
        if held is not None:
            yield Proof(Means.CERTIFICATE, svid=held)
        token = self._token.read() if self._token is not None else None
        spent = token is not None and digest(token) == self._spent
        kind = self._token.means if self._token is not None else None
        order = means(certificate=held is not None, token=kind, spent=spent)
        if not order:
            raise self._nothing(spent=spent)
        if order[-1] is not Means.CERTIFICATE:
            yield Proof(order[-1], token=token)

    def use_up(self, proof: Proof) -> None:
        """It has been accepted or refused: a token for one use will not be shown again."""
        if proof.token is not None and proof.means is Means.JOIN_TOKEN:
            self._spent = digest(proof.token)

    def _nothing(self, *, spent: bool) -> AttemptError:
        if spent and self._token is not None:
            where = f"{self._token.option} {self._token.path}"
            return AttemptError(
                f"the join token was used or refused before, and there is no certificate that still holds: {where}",
                "put a new token into the file (pilothouse token create)",
            )
        return AttemptError(
            "nothing proves who the workload is: there is no certificate that still holds",
            "give the agent --join-token FILE or --token FILE",
        )
