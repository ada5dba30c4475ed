"""Which virtual host a request is for: Envoy's search over the domains of a RouteConfiguration."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Host = TypeVar("Host")


@dataclass(frozen=True, slots=True)
class Found(Generic[Host]):
    """The virtual host, and the domain by which it was found."""

    host: Host
    domain: str


def find_host(hosts: Iterable[tuple[Host, Sequence[str]]], authority: str, *, ignore_port: bool) -> Found[Host] | None:
    """The virtual host for an authority: by exact domain, the longest ``*.suffix``, the longest ``prefix.*``, or ``*``.

    Domains are compared without regard to case. ignore_port: whether a port in the authority is without meaning.
    """
    name = (without_port(authority) if ignore_port else authority).lower()
    pairs = [(host, domain) for host, domains in hosts for domain in domains]
    tests: tuple[Callable[[str], bool], ...] = (
        lambda domain: domain == name,
        lambda domain: domain.startswith("*") and _longer(name, domain) and name.endswith(domain[1:]),
        lambda domain: domain.endswith("*") and _longer(name, domain) and name.startswith(domain[:-1]),
        lambda domain: domain == "*",
    )
    for test in tests:
        candidates = [(host, domain) for host, domain in pairs if test(domain.lower())]
        if candidates:
            return Found(*max(candidates, key=lambda pair: len(pair[1])))
    return None


def _longer(name: str, domain: str) -> bool:
    """The asterisk stands for at least one character, and is none of its own: ``*`` alone comes last."""
    return 1 < len(domain) <= len(name)


def without_port(authority: str) -> str:
    """``host`` of ``host:port``; an IPv6 address keeps its brackets."""
    colon = authority.rfind(":")
    return authority if colon <= authority.rfind("]") else authority[:colon]
