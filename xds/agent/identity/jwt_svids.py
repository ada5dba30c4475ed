"""JWT-SVIDs of the workload: asked for at the control plane, and kept for as long as half of their life."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final

from xds.agent.identity.attempt import AttemptError
from xds.agent.identity.renewal import Clock
from xds.agent.identity.upstream import Token
from xds.model.credentials import Sealed

KEPT: Final = 64
"""Sets of audiences of which the token is kept."""


class JwtSvids:
    """ask: gives a new one for an audience; raises AttemptError."""

    def __init__(self, ask: Callable[[Sequence[str]], Awaitable[Token]], clock: Clock) -> None:
        self._ask = ask
        self._clock = clock
        self._kept: OrderedDict[tuple[str, ...], tuple[datetime, Token]] = OrderedDict()

    async def token(self, audience: Sequence[str]) -> Sealed:
        """One that holds. While the control plane does not answer, one that was given before may do. Raises
        AttemptError."""
        key = tuple(sorted(set(audience)))
        now = self._clock()
        obtained, kept = self._kept.get(key, (now, None))
        if kept is not None and now < obtained + (kept.expires - obtained) / 2:
            return kept.text
        try:
            token = await self._ask(key)
        except AttemptError:
            if kept is not None and now < kept.expires:
                return kept.text
            raise
        self._kept[key] = now, token
        self._kept.move_to_end(key)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return token.text
