"""Findings about a whole configuration, under Istio's message codes where it has them (``istioctl analyze``).

An analyser is a pure function from a `Subject` to diagnostics, one concern in each file. A new one is a file, a line
in `ANALYSERS`, and an entry in the catalogue for each code that it uses. They run when somebody asks, and cost a
running server nothing until then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Final

from xds.config.analysis import (
    authorization,
    claims,
    destination_rules,
    envoy_filters,
    gateways,
    injection,
    selectors,
    service_entries,
    services,
    sidecars,
    virtual_services,
)
from xds.config.analysis.catalogue import MESSAGES, message_of
from xds.config.analysis.message import Finding, Message
from xds.config.analysis.subject import Selectable, Subject
from xds.config.configuration import Configuration
from xds.model.diagnostic import Diagnostic, Severity

__all__ = ["ANALYSERS", "MESSAGES", "Finding", "Message", "Selectable", "analyse"]

Analyser = Callable[[Subject], Iterator[Diagnostic]]

ANALYSERS: Final[tuple[Analyser, ...]] = (
    authorization.analyse,
    claims.analyse,
    destination_rules.analyse,
    envoy_filters.analyse,
    gateways.analyse,
    injection.analyse,
    selectors.analyse,
    service_entries.analyse,
    services.analyse,
    sidecars.analyse,
    virtual_services.analyse,
)

_SELF_EVIDENT: Final = frozenset({"ignored-kind"})
"""Not worth a line to somebody who looks for mistakes."""

_WORST_FIRST: Final = (Severity.ERROR, Severity.WARNING, Severity.INFO)


def analyse(
    configuration: Configuration, known: Iterable[Diagnostic], proxies: Iterable[Selectable] = ()
) -> tuple[Finding, ...]:
    """Everything there is to say: what is known already and what the analysers find; worst first, then by place.

    known: the diagnostics of the configuration, and what else there is to say of it. proxies: those that are
    connected, if any.
    """
    subject = Subject(configuration, proxies)
    to_tell = (each for each in known if each.code not in _SELF_EVIDENT)
    found = chain(to_tell, chain.from_iterable(each(subject) for each in ANALYSERS))
    return tuple(sorted((Finding(each, message_of(each.code)) for each in dict.fromkeys(found)), key=_order))


def _order(finding: Finding) -> tuple[int, tuple[str, int], str, str]:
    diagnostic = finding.diagnostic
    return _WORST_FIRST.index(finding.level), diagnostic.origin, finding.code, diagnostic.reason
