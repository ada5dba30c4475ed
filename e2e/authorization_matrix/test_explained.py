"""What is explained of every request and connection is what the policies say, and by which of them.

The same that is put to an Envoy in `test_matrix`; here no Envoy is needed.
"""

from __future__ import annotations

import pytest

from e2e.authorization_matrix.described import Asked, PolicySet
from e2e.authorization_matrix.explained import explainable
from e2e.authorization_matrix.oracle import decide
from e2e.authorization_matrix.test_matrix import BY_HAND, GENERATED


def _by_hand() -> list[tuple[PolicySet, list[Asked]]]:
    return [(policies, [*row.allowed, *row.refused]) for row, policies in BY_HAND]


@pytest.mark.parametrize("pairs", [_by_hand(), GENERATED], ids=["by hand", "generated"])
def test_what_is_explained_is_what_policies_say(pairs: list[tuple[PolicySet, list[Asked]]]) -> None:
    explained = explainable([policies for policies, _ in pairs])
    for policies, many in pairs:
        for asked in many:
            decision = decide(policies, asked, explained.addresses[policies.name])
            found = explained.ask(policies, asked)
            assert found.allowed is decision.allowed, f"{found}\n{decision}\n{asked}\n{policies}"
            if decision.reason == "DENY matches":
                assert found.rule in decision.rules, f"{found}\n{decision}\n{asked}\n{policies}"
