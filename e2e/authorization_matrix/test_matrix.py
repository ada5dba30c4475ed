"""Policies, requests and connections: what the documents say is what Envoys do.

Some are written by hand, others generated: ``PILOTHOUSE_MATRIX_PAIRS`` is how many of these (by default a few hundred),
``PILOTHOUSE_MATRIX_SEED`` which.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from e2e.addresses import Addresses
from e2e.authorization_matrix.by_hand import ROWS
from e2e.authorization_matrix.compare import Pair, disagreements
from e2e.authorization_matrix.generate import generated
from e2e.authorization_matrix.oracle import decide
from e2e.authorization_matrix.running import Running, running
from e2e.lab import new_lab

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAIRS = int(os.environ.get("PILOTHOUSE_MATRIX_PAIRS", "480"))
SEED = int(os.environ.get("PILOTHOUSE_MATRIX_SEED", "1"))
PER_SET = 8
SHOWN = 5

BY_HAND = [(row, row.policies(number)) for number, row in enumerate(ROWS)]
GENERATED = generated(-(-PAIRS // PER_SET), PER_SET, SEED)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def workloads(
    tmp_path_factory: pytest.TempPathFactory, envoy: Path, addresses: Addresses
) -> AsyncIterator[Running]:
    """All of them."""
    sets = [policies for _, policies in BY_HAND] + [policies for policies, _ in GENERATED]
    async with new_lab(tmp_path_factory.mktemp("matrix"), envoy, addresses) as lab, running(sets, lab) as made:
        yield made


async def test_corner_cases_are_as_istio_documents_them(workloads: Running) -> None:
    pairs: list[Pair] = []
    for row, policies in BY_HAND:
        for expected, many in ((True, row.allowed), (False, row.refused)):
            for asked in many:
                decision = decide(policies, asked, workloads.addresses[policies.name])
                assert decision.allowed is expected, f"{row.says}: {decision}\n{asked}"
                pairs.append((policies, asked))
    found = await disagreements(workloads, pairs)
    assert not found, "\n\n".join(map(str, found))


async def test_what_policies_say_is_what_envoys_do(workloads: Running) -> None:
    found = await disagreements(workloads, [(policies, asked) for policies, many in GENERATED for asked in many])
    print(f"seed {SEED}: {len(GENERATED) * PER_SET} pairs, {len(found)} disagreements")
    assert not found, "\n\n".join(map(str, found[:SHOWN]))
