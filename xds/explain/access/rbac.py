"""Envoy's RBAC: which policy decides about a request, or about a connection."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from envoy_data_plane.envoy.config.rbac.v3 import Policy, Rbac, RbacAction

from xds.explain.access.permissions import permitted
from xds.explain.access.principals import meant
from xds.explain.condition import Condition, every, some
from xds.explain.errors import UnsupportedError
from xds.explain.result import PassedPolicy
from xds.explain.stream import Stream


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a set of rules says. action: of all of them. policy: the one that applies, None if none does.

    passed_over: those that were looked at and do not apply, in the order in which they are.
    """

    action: RbacAction
    policy: str | None
    passed_over: tuple[PassedPolicy, ...]

    @property
    def allows(self) -> bool:
        """ALLOW needs a policy that applies, DENY that none does; LOG lets everything pass."""
        if self.action is RbacAction.ALLOW:
            return self.policy is not None
        return self.action is RbacAction.LOG or self.policy is None

    @property
    def text(self) -> str:
        """``DENY: policy a applies``."""
        applies = f"policy {self.policy} applies" if self.policy is not None else "no policy applies"
        return f"{self.action.name}: {applies}"

    @property
    def refusal(self) -> str:
        """Why it is refused."""
        if self.policy is not None:
            return f"RBAC: denied by {self.action.name} policy {self.policy}"
        names = ", ".join(each.policy for each in self.passed_over) or "there is none"
        return f"RBAC: no {self.action.name} policy matched (policies: {names})"


def judged(rules: Rbac, stream: Stream) -> Verdict:
    """The policies in the order of their names; the first that applies decides. Raises UnsupportedError."""
    passed: list[PassedPolicy] = []
    action = RbacAction(rules.action)
    for name, policy in sorted(rules.policies.items()):
        mismatch = _mismatch(policy, stream)
        if mismatch is None:
            return Verdict(action, name, tuple(passed))
        passed.append(PassedPolicy(name, mismatch))
    return Verdict(action, None, tuple(passed))


def _mismatch(policy: Policy, stream: Stream) -> str | None:
    if policy.condition is not None or policy.checked_condition is not None:
        raise UnsupportedError("an RBAC policy with a CEL expression")

    def conditions() -> Iterator[Condition]:
        yield some(permitted(each, stream) for each in policy.permissions)
        yield some(meant(each, stream) for each in policy.principals)

    held = every(conditions())
    return None if held.holds else held.mismatch
