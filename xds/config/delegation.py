"""VirtualServices that leave rules to others: each becomes one object with the rules of its delegates in place.

A delegate is a VirtualService without hosts, which has no effect of its own. A change of it changes those that name it,
and no others. Pure: `Delegation` is immutable, and `Delegation.update` gives the next one, at the cost of what changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from xds.config.delegate_rules import delegated
from xds.config.drafts import Draft, SetDraft
from xds.config.objects import Objects
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.objects import ObjectKey
from xds.model.routing import HTTPRoute, RulePlace, VirtualService

Change = tuple[VirtualService | None, VirtualService | None]
"""An object as it was and as it is; None where there is none."""


@dataclass(frozen=True, slots=True, eq=False)
class Delegation:
    """merged: those with delegates, complete. users: by delegate, who names it. findings: by VirtualService."""

    merged: Mapping[ObjectKey, VirtualService] = field(default_factory=dict)
    users: Mapping[ObjectKey, AbstractSet[ObjectKey]] = field(default_factory=dict)
    findings: Mapping[ObjectKey, tuple[Diagnostic, ...]] = field(default_factory=dict)

    def update(self, changes: Iterable[Change], objects: Objects) -> tuple[Delegation, list[Change]]:
        """The state after ``changes``, and what they change of the VirtualServices in their complete form.

        objects: all in force now.
        """
        return _Update(self, list(changes), objects).run()


class _Update:
    """One step from a `Delegation` to the next."""

    def __init__(self, before: Delegation, changes: list[Change], objects: Objects) -> None:
        self._before = before
        self._changes = changes
        self._objects = objects
        self._merged = Draft(before.merged)
        self._findings = Draft(before.findings)

    def run(self) -> tuple[Delegation, list[Change]]:
        if not self._before.users and not any(map(_takes_part, self._changes)):
            return self._before, self._changes
        changed = {_key(change): change for change in self._changes}
        users, named = self._enter()
        others = {user for key in changed for user in users.get(key, ())} - changed.keys()
        done = [(self._complete(key, old), self._decide(key, new, users)) for key, (old, new) in changed.items()]
        done += [(self._before.merged[key], self._decide(key, self._find(key), users)) for key in others]
        for key in named - changed.keys():
            if (delegate := self._find(key)) is not None and not delegate.hosts:
                self._decide(key, delegate, users)
        return Delegation(self._merged.done(), users, self._findings.done()), [each for each in done if any(each)]

    def _enter(self) -> tuple[Mapping[ObjectKey, AbstractSet[ObjectKey]], set[ObjectKey]]:
        """The users by delegate, and the delegates whose users changed."""
        draft = SetDraft(self._before.users)
        named: set[ObjectKey] = set()
        for old, new in self._changes:
            for delegate in _delegates(old):
                draft.discard(delegate, _key((old, new)))
                named.add(delegate)
            for delegate in _delegates(new):
                draft.add(delegate, _key((old, new)))
                named.add(delegate)
        return draft.done(), named

    def _complete(self, key: ObjectKey, old: VirtualService | None) -> VirtualService | None:
        """What stood in the Mesh for an object as it was."""
        return self._before.merged.get(key, old if old is not None and old.hosts else None)

    def _find(self, key: ObjectKey) -> VirtualService | None:
        found = self._objects.get(key)
        return found if isinstance(found, VirtualService) else None

    def _decide(
        self, key: ObjectKey, now: VirtualService | None, users: Mapping[ObjectKey, AbstractSet[ObjectKey]]
    ) -> VirtualService | None:
        """What stands in the Mesh for an object as it is."""
        findings: list[Diagnostic] = []
        merged = None
        if now is not None and not now.hosts and not users.get(key):
            reason = "no hosts, and no VirtualService names it as its delegate: this has no effect"
            findings.append(Diagnostic(Severity.WARNING, now.meta.origin, reason, key, "spec.hosts", "no-effect"))
        elif now is not None and _delegates(now):
            merged = self._merge(now, findings)
        self._findings.set(key, tuple(findings) or None)
        self._merged.set(key, merged)
        return merged if merged is not None or now is None or not now.hosts else now

    def _merge(self, root: VirtualService, findings: list[Diagnostic]) -> VirtualService:
        rules: list[HTTPRoute] = []
        for rule in root.http:
            rules += [rule] if rule.delegate is None else self._delegated(root, rule, rule.delegate, findings)
        here = root.meta.key
        numbered = tuple(
            replace(rule, index=index, written=rule.written or RulePlace(here, rule.index))
            for index, rule in enumerate(rules)
        )
        return replace(root, http=numbered, delegates=_delegates(root))

    def _delegated(
        self, root: VirtualService, rule: HTTPRoute, key: ObjectKey, findings: list[Diagnostic]
    ) -> Iterator[HTTPRoute]:
        delegate = self._find(key)
        why_not = _why_not(root, delegate)
        if delegate is None or why_not:
            reason = f"{key} {why_not}: this rule is left out"
            findings.append(_finding(root, rule, reason, "unknown-delegate"))
            return
        for inner, can_be_met in delegated(root, rule, delegate):
            if can_be_met:
                yield inner
            else:
                reason = f"the rule at {inner.origin} is left out: its matches lie outside those of this rule"
                findings.append(_finding(root, rule, reason, "no-effect"))


def _takes_part(change: Change) -> bool:
    return any(each is not None and (not each.hosts or bool(_delegates(each))) for each in change)


def _delegates(virtual_service: VirtualService | None) -> tuple[ObjectKey, ...]:
    if virtual_service is None:
        return ()
    named = (rule.delegate for rule in virtual_service.http)
    return tuple(dict.fromkeys(key for key in named if key is not None))


def _key(change: Change) -> ObjectKey:
    one = change[1] or change[0]
    if one is None:
        raise ValueError("a change of nothing")
    return one.meta.key


def _why_not(root: VirtualService, delegate: VirtualService | None) -> str:
    """Why a VirtualService cannot be a delegate of ``root``; empty if it can."""
    if delegate is None:
        return "does not exist"
    if delegate.hosts:
        return "has hosts, so it is no delegate"
    seen = "*" in delegate.export_to or root.meta.namespace in delegate.export_to
    return "" if seen else f"is not exported to {root.meta.namespace}"


def _finding(root: VirtualService, rule: HTTPRoute, reason: str, code: str) -> Diagnostic:
    path = f"spec.http[{rule.index}].delegate"
    return Diagnostic(Severity.WARNING, rule.origin, reason, root.meta.key, path, code)
