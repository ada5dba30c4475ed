"""Generated configurations and requests: what is explained is what Envoy does.

``PILOTHOUSE_AGREEMENT_PAIRS`` is how many (by default a few hundred), ``PILOTHOUSE_AGREEMENT_SEED`` which;
``make explain-agreement`` does 10,000.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import islice

from e2e.agreement.batch import disagreements
from e2e.agreement.generate import REQUESTS_PER_CASE, generated
from e2e.agreement.world import Case
from e2e.lab import Lab

PAIRS = int(os.environ.get("PILOTHOUSE_AGREEMENT_PAIRS", "400"))
SEED = int(os.environ.get("PILOTHOUSE_AGREEMENT_SEED", "1"))
CASES_PER_ENVOY = 100
SHOWN = 5


async def test_what_is_explained_is_what_envoy_does(lab: Lab) -> None:
    cases = generated(-(-PAIRS // REQUESTS_PER_CASE), SEED)
    found = [each for n, batch in enumerate(_batches(cases)) for each in await disagreements(batch, lab, f"batch-{n}")]

    pairs = len(cases) * REQUESTS_PER_CASE
    assert pairs >= PAIRS
    print(f"seed {SEED}: {pairs} pairs, {len(found)} disagreements")
    assert not found, "\n\n".join(map(str, found[:SHOWN]))


def _batches(cases: Sequence[Case]) -> Iterator[list[Case]]:
    left = iter(cases)
    while batch := list(islice(left, CASES_PER_ENVOY)):
        yield batch
