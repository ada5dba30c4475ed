"""Gets the workload's certificate, and another one in time, for as long as the agent runs.

A failure is logged with what to do about it, and costs nothing but time: what is there stays until there is something
better.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog

from xds.agent.identity.attempt import AttemptError
from xds.agent.identity.holder import Identity
from xds.agent.identity.proofs import Proofs
from xds.agent.identity.request import Answer, Workload, new_key, read_answer, request_for
from xds.agent.identity.signing import Server, sign
from xds.agent.identity.svid import State
from xds.agent.identity.timing import pause_after, renew_at
from xds.agent.identity.tokens import TokenFile
from xds.agent.identity.trust import after_answer, control_plane_roots

Clock = Callable[[], datetime]

LONGEST_SLEEP: Final = 30.0
"""Seconds after which the clock is looked at again: it goes on while a machine sleeps, and may be set."""

_log = structlog.get_logger("xds.agent")


def utc_now() -> datetime:
    """The system's clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Chance:
    """What the renewal needs of the world beside the control plane. fraction: from 0 to 1, drawn at random."""

    clock: Clock = utc_now
    fraction: Callable[[], float] = random.random


class Renewal:
    """The loop. failures: in a row, up to now. reason: why the last attempt failed; empty after one that did not.

    obtained, failed: attempts since the agent started.
    """

    def __init__(
        self,
        identity: Identity,
        server: Server,
        workload: Workload,
        token: TokenFile | None,
        chance: Chance | None = None,
    ) -> None:
        self.failures = 0
        self.reason = ""
        self.obtained = 0
        self.failed = 0
        self._identity = identity
        self._server = server
        self._workload = workload
        self._proofs = Proofs(token)
        self._chance = chance or Chance()
        self._due: datetime | None = None
        self._hurried = asyncio.Event()

    def hurry(self) -> None:
        """Looks at once whether it is time, and does not go on waiting after a failure."""
        self._hurried.set()

    def renew_now(self) -> None:
        """The certificate is not to be used any more, although it still holds."""
        self._due = None
        self.hurry()

    async def run(self) -> None:
        """Until it is cancelled."""
        self._plan()
        while True:
            if self._due is not None and (left := (self._due - self._chance.clock()).total_seconds()) > 0:
                self.failures, self.reason = 0, ""  # if there were any, the clock has been set back since
                await self._rest(min(left, LONGEST_SLEEP))
                continue
            try:
                await self._renew()
            except AttemptError as error:
                await self._failed(error)

    def _plan(self) -> None:
        """Decides when the certificate that is there is to be renewed; at once if there is none."""
        svid = self._identity.svid
        self._due = renew_at(svid, self._chance.fraction()) if svid is not None else None

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurried.wait()
        self._hurried.clear()

    async def _failed(self, error: AttemptError) -> None:
        self.failures += 1
        self.failed += 1
        self.reason = str(error)
        pause = pause_after(self.failures, self._chance.fraction()).total_seconds()
        svid = self._identity.svid
        _log.warning(
            "no new certificate" if svid is not None else "no certificate yet",
            reason=self.reason,
            advice=error.advice,
            retry_in_seconds=round(pause, 1),
            **({"until": svid.not_after.isoformat(timespec="seconds")} if svid is not None else {}),
        )
        await self._rest(pause)

    async def _renew(self) -> None:
        answer = await self._ask()
        state = self._identity.state
        after = State(answer.svid, after_answer(state.bundles, answer))
        self._identity.put(after)
        self.failures, self.reason = 0, ""
        self.obtained += 1
        self._plan()
        _log.info(
            "certificate obtained",
            spiffe_id=str(answer.svid.identity),
            not_after=answer.svid.not_after.isoformat(timespec="seconds"),
            renew_at=self._due.isoformat(timespec="seconds") if self._due is not None else "",
        )

    async def _ask(self) -> Answer:
        """Shows what there is, one after the other. Raises AttemptError of the last one."""
        roots = control_plane_roots(self._server.read_roots(), self._identity.state)
        now = self._chance.clock()
        failure: AttemptError | None = None
        for proof in self._proofs.at(self._identity.svid, now):
            key = new_key()
            try:
                chain = await sign(self._server.address, roots, request_for(key), proof)
            except AttemptError as error:
                if not error.refused:
                    raise
                _log.info("the control plane did not take a proof", shown=proof.means.value, reason=str(error))
                self._proofs.use_up(proof)
                failure = error
                continue
            self._proofs.use_up(proof)
            return read_answer(chain, key, self._workload, self._chance.clock())  # which has gone on meanwhile
        raise failure or AttemptError("nothing proves who the workload is", "give the agent a token")
