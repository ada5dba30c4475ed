"""RequestAuthentications, and what is known of the keys that they name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeAlias

from xds.config.fetched import NOTHING_FETCHED
from xds.config.fold_policies import revise_by_namespace
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.objects import ObjectKey
from xds.model.request_authentication import (
    JwtRule,
    KeySet,
    KeySets,
    KeysFailure,
    KeysReference,
    RequestAuthentication,
)

Change: TypeAlias = tuple[RequestAuthentication | None, RequestAuthentication | None]
"""A policy as it was and as it is; None where there is none."""


@dataclass(frozen=True, slots=True, eq=False)
class Authentications:
    """All RequestAuthentications.

    by_namespace: oldest first. key_sets: what is known of the keys that are to be fetched; wanted: those.
    """

    by_namespace: Mapping[str, tuple[RequestAuthentication, ...]] = field(default_factory=dict)
    key_sets: KeySets = field(default_factory=lambda: NOTHING_FETCHED.key_sets)
    wanted: frozenset[KeysReference] = frozenset()
    findings: tuple[Diagnostic, ...] = ()

    def update(self, changes: Iterable[Change], key_sets: KeySets) -> Authentications:
        """After ``changes``, with what is known of keys now. The same object if nothing is new."""
        by_namespace = revise_by_namespace(self.by_namespace, changes)
        if by_namespace is self.by_namespace and key_sets is self.key_sets:
            return self
        rules = tuple(_rules(by_namespace))
        references = (rule.keys for _, rule in rules if isinstance(rule.keys, KeysReference))
        wanted = frozenset(each for each in references if each.can_be_asked)
        return Authentications(by_namespace, key_sets, wanted, tuple(_findings(rules, key_sets)))


_Rule: TypeAlias = tuple[ObjectKey, JwtRule]


def _rules(by_namespace: Mapping[str, tuple[RequestAuthentication, ...]]) -> Iterator[_Rule]:
    policies = chain.from_iterable(by_namespace[namespace] for namespace in sorted(by_namespace))
    return ((policy.meta.key, rule) for policy in policies for rule in policy.rules)


def _findings(rules: Iterable[_Rule], key_sets: KeySets) -> Iterator[Diagnostic]:
    for key, rule in rules:
        known = _known(rule, key_sets)
        if isinstance(known, KeysFailure):
            reason = f"{known.reason}; until its keys can be had, no token of {rule.issuer} is valid"
            yield _finding(Severity.ERROR, key, rule, reason, "keys-unavailable")
        elif known is not None:
            for left_out in known.left_out:
                yield _finding(Severity.WARNING, key, rule, left_out, "unusable-key")
            if known.remark:
                reason = f"{known.remark}; the keys that were there before stay in force"
                yield _finding(Severity.WARNING, key, rule, reason, "keys-unavailable")


def _known(rule: JwtRule, key_sets: KeySets) -> KeySet | KeysFailure | None:
    """Of keys that are not written in the rule; None if nobody has answered yet."""
    if isinstance(rule.keys, KeySet):
        return None
    if not rule.keys.can_be_asked:
        return KeysFailure("the issuer is no URL that could be asked for keys: say jwks or jwksUri")
    return key_sets.get(rule.keys)


def _finding(severity: Severity, key: ObjectKey, rule: JwtRule, reason: str, code: str) -> Diagnostic:
    return Diagnostic(severity, rule.place.origin, reason, key, rule.place.path, code)
