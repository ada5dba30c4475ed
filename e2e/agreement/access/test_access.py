"""Generated policies, and clients of all kinds: what is explained is what Envoy decides, and by which policy.

``PILOTHOUSE_AGREEMENT_PAIRS`` and ``PILOTHOUSE_AGREEMENT_SEED`` as for routes.
"""

from __future__ import annotations

from itertools import count, islice
from pathlib import Path

from e2e.agreement.access.batch import disagreements
from e2e.agreement.access.generate import CLIENTS_PER_CASE, generated
from e2e.agreement.access.identities import new_identities
from e2e.agreement.test_agreement import CASES_PER_ENVOY, PAIRS, SEED, SHOWN
from e2e.lab import Lab


async def test_what_is_explained_is_what_envoy_decides(lab: Lab, tmp_path: Path) -> None:
    cases = generated(-(-PAIRS // CLIENTS_PER_CASE), SEED)
    left, identities = iter(cases), new_identities(tmp_path)
    found: list[str] = []
    for number in count():
        batch = list(islice(left, CASES_PER_ENVOY))
        if not batch:
            break
        found += await disagreements(batch, lab, f"access-{number}", identities)

    print(f"seed {SEED}: {len(cases) * CLIENTS_PER_CASE} pairs, {len(found)} disagreements")
    assert not found, "\n\n".join(found[:SHOWN])
