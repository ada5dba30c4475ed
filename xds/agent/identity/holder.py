"""The identity of the workload as it is now, for all who need it and want to know when it changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from xds.agent.identity.svid import State, Svid


class Identity:
    """Holds a `State`. For use in the event loop's thread."""

    def __init__(self) -> None:
        self._state = State()
        self._wakes: dict[object, Callable[[], None]] = {}

    @property
    def state(self) -> State:
        """What there is: the same object until some of it changes."""
        return self._state

    @property
    def svid(self) -> Svid | None:
        """The certificate in use; None until there is one."""
        return self._state.svid

    def put(self, state: State) -> None:
        """From now on this is what there is."""
        if state == self._state:
            return
        self._state = state
        for wake in tuple(self._wakes.values()):
            wake()

    def subscribe(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Calls ``wake``, which has to return at once, whenever there is something new; gives what ends that."""
        key = object()
        self._wakes[key] = wake
        return lambda: self._wakes.pop(key, None) and None

    async def changed(self, seen: State) -> State:
        """The state, as soon as it is not the one that was ``seen``."""
        while self._state is seen:
            woken = asyncio.Event()
            end = self.subscribe(woken.set)
            try:
                await woken.wait()
            finally:
                end()
        return self._state

    async def available(self) -> Svid:
        """The certificate, as soon as there is one."""
        while (svid := self._state.svid) is None:
            await self.changed(self._state)
        return svid
