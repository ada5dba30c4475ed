"""The pages of port 15020: Istio's paths."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from ipaddress import ip_address

import structlog

from xds.agent.http.server import Asked, Pages, Reply
from xds.agent.status.exposition import CONTENT_TYPE
from xds.agent.status.merge import Merged

Problem = Callable[[], Awaitable[str]]
"""Why the workload is not to get requests, empty if it is."""

_log = structlog.get_logger("xds.agent")


def pages(problem: Problem, merged: Merged, quit_: Callable[[], None]) -> Pages:
    """quit_: ends the agent, as SIGTERM does."""

    async def ready(_: Asked) -> Reply:
        why = await problem()
        return Reply(503, f"{why}\n") if why else Reply(200, "ready\n")

    async def metrics(_: Asked) -> Reply:
        return Reply(body=merged.chunks(), content_type=CONTENT_TYPE)

    async def end(asked: Asked) -> Reply:
        """For a job that is done, beside which Envoy would run for ever. Of this machine, so that nobody else can."""
        if not is_loopback(asked.peer):
            return Reply(403, "this is for processes of the same machine, over loopback\n")
        _log.info("somebody on this machine asked for the end", path="/quitquitquit")
        quit_()
        return Reply(200, "ending\n")

    return {
        ("GET", "/healthz/ready"): ready,
        ("GET", "/stats/prometheus"): metrics,
        ("POST", "/quitquitquit"): end,
    }


def is_loopback(peer: str) -> bool:
    """Whether an address is of this machine's loopback; an IPv4 address may be written as one of IPv6."""
    address = ip_address(peer.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
