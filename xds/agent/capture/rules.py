"""The rules themselves, as input of ``iptables-restore --noflush``: all in one transaction, or nothing.

Two chains are ours, and a jump to each from a chain of the kernel's. Whatever else is in the table stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from xds.agent.capture.settings import EVERY, CaptureSettings, Network

INBOUND: Final = "PILOTHOUSE_INBOUND"
OUTBOUND: Final = "PILOTHOUSE_OUTBOUND"
_CHAINS: Final = (INBOUND, OUTBOUND)
_JUMPS: Final = (("PREROUTING", INBOUND), ("OUTPUT", OUTBOUND))

_OF_THE_PROXY: Final = (15020, 15021, 15090)
"""Ports of the agent and of Envoy itself: metrics and health. Nobody's identity is asked for there."""

_SSH: Final = 22
"""Left alone where every port is captured: whoever sets this up from afar would cut off the branch they sit on."""

_PORTS_IN_A_RULE: Final = 15
"""The most that netfilter's ``multiport`` takes."""


class Family(IntEnum):
    """A version of the Internet Protocol. Each has rules, and programs, of its own."""

    IPV4 = 4
    IPV6 = 6


@dataclass(frozen=True, slots=True)
class _Own:
    """Addresses of the machine itself. hand_over: from which Envoy passes on what it has taken in."""

    loopback: str
    hand_over: str


_OWN: Final = {Family.IPV4: _Own("127.0.0.1/32", "127.0.0.6/32"), Family.IPV6: _Own("::1/128", "::6/128")}


@dataclass(frozen=True, slots=True)
class Installed:
    """What of ours is in a table. chains: that are there. lines: jumps and rules, as ``iptables-save`` writes them."""

    chains: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()

    @property
    def jumps(self) -> tuple[str, ...]:
        """Rules of the kernel's chains that lead to ours."""
        ours = tuple(f"-A {chain} " for chain in _CHAINS)
        return tuple(line for line in self.lines if not line.startswith(ours))


NO_RULES: Final = Installed()


def installed(saved: str) -> Installed:
    """What of ours is in the output of ``iptables-save -t nat``."""
    chains, lines = [], []
    for line in saved.splitlines():
        name = line[1:].split(" ", 1)[0]
        if line.startswith(":") and name in _CHAINS:
            chains.append(name)
        elif line.startswith("-A ") and not set(line.split()).isdisjoint(_CHAINS):
            lines.append(line)
    return Installed(tuple(chains), tuple(lines))


def installing(settings: CaptureSettings, family: Family, before: Installed = NO_RULES) -> str:
    """What puts the rules in place, whatever of ours was there before."""
    return _transaction(
        (
            *(f":{chain} - [0:0]" for chain in _CHAINS),
            *map(_deletion, before.jumps),
            *_without_interfaces(settings),
            *(f"-A {hook} -p tcp -j {chain}" for hook, chain in _JUMPS),
            *(f"-A {INBOUND} {rule}" for rule in _inbound(settings)),
            *(f"-A {OUTBOUND} {rule}" for rule in _outbound(settings, family)),
        )
    )


def removing(before: Installed) -> str:
    """What takes all of ours away again."""
    flushed = (f"-F {chain}" for chain in before.chains)
    return _transaction((*map(_deletion, before.jumps), *flushed, *(f"-X {chain}" for chain in before.chains)))


def _transaction(lines: Iterable[str]) -> str:
    return "\n".join(("*nat", *lines, "COMMIT", ""))


def _deletion(rule: str) -> str:
    return f"-D{rule.removeprefix('-A')}"


def _without_interfaces(settings: CaptureSettings) -> Iterator[str]:
    """In our chains, so that a jump is all that others ever see of us."""
    for name in settings.exclude_interfaces:
        yield f"-A {INBOUND} -i {name} -j RETURN"
        yield f"-A {OUTBOUND} -o {name} -j RETURN"


def _inbound(settings: CaptureSettings) -> Iterator[str]:
    to_proxy = f"-j REDIRECT --to-ports {settings.inbound_port}"
    if settings.include_inbound_ports is not EVERY:
        left = sorted({*settings.include_inbound_ports} - {*settings.exclude_inbound_ports, *_OF_THE_PROXY})
        yield from (f"-p tcp {ports} {to_proxy}" for ports in _destinations(left))
        return
    excluded = sorted({*settings.exclude_inbound_ports, *_OF_THE_PROXY, _SSH})
    yield from (f"-p tcp {ports} -j RETURN" for ports in _destinations(excluded))
    yield f"-p tcp {to_proxy}"


def _outbound(settings: CaptureSettings, family: Family) -> Iterator[str]:
    own = _OWN[family]
    yield f"-s {own.hand_over} -o lo -j RETURN"
    yield from _of_the_proxy(settings, own)
    yield f"-d {own.loopback} -j RETURN"
    yield from (f"-p tcp {ports} -j RETURN" for ports in _destinations(settings.exclude_outbound_ports))
    yield from (f"-d {each} -j RETURN" for each in _of(family, settings.exclude_outbound_ip_ranges))
    to_proxy = f"-j REDIRECT --to-ports {settings.outbound_port}"
    if settings.include_outbound_ports is EVERY or settings.include_outbound_ip_ranges is EVERY:
        yield f"-p tcp {to_proxy}"
        return
    yield from (f"-p tcp {ports} {to_proxy}" for ports in _destinations(settings.include_outbound_ports))
    yield from (f"-d {each} -p tcp {to_proxy}" for each in _of(family, settings.include_outbound_ip_ranges))


def _of_the_proxy(settings: CaptureSettings, own: _Own) -> Iterator[str]:
    """The proxy's traffic leaves as it is, but for one kind: what it sends to the workload's own address is a call of
    the workload to itself through the mesh, and arrives like any other. What the workload sends to its own address
    without the proxy's help is left alone."""
    for owner in (
        *(f"--uid-owner {uid}" for uid in settings.proxy_uids),
        *(f"--gid-owner {gid}" for gid in settings.proxy_gids),
    ):
        arrives = f"-j REDIRECT --to-ports {settings.inbound_port}"
        yield f"-o lo ! -d {own.loopback} -p tcp -m owner {owner} {arrives}"
        yield f"-m owner {owner} -j RETURN"
    yield "-o lo -j RETURN"


def _destinations(ports: Sequence[int]) -> Iterator[str]:
    for start in range(0, len(ports), _PORTS_IN_A_RULE):
        yield f"-m multiport --dports {','.join(map(str, ports[start : start + _PORTS_IN_A_RULE]))}"


def _of(family: Family, networks: Iterable[Network]) -> Iterator[Network]:
    return (network for network in networks if network.version == family)
