"""The steps of the demo as data: what shows that a step is live, and what must hold then.

Everything is asked with real requests through the Envoys. Probes and expectations are functions of a `Shop`, so that a
step is a literal and each of them can be read, and tested, alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from xds.app.demo.expectations import (
    Holds,
    all_answered_by,
    all_plain_text_refused,
    all_turned_away,
    callers_known_as,
    denial_is_explained,
    gateway_answers,
    members_see_ratings,
    page_shows,
    ratings_answer,
    ratings_delayed,
    reviews_given_up,
    split,
)
from xds.app.demo.probes import (
    Probe,
    answered_by,
    gateway_opens,
    plain_text_is_refused,
    ratings_hang,
    share_of_at_least,
    some_answered_by,
    stars_are_there,
    stars_fail_with,
    turned_away,
)
from xds.app.demo.strangers import AS_REVIEWS, FORGED_TOKEN, WITHOUT_TOKEN


@dataclass(frozen=True, slots=True)
class StepChecks:
    """probes: when all have shown it, the change is live. holds: all are asked, at once, after that."""

    probes: tuple[Probe, ...]
    holds: tuple[Holds, ...]


JASON = "jason"
NOBODY = None
STARRED = "reviews-v2"
"""The instance that asks ratings for stars when jason's requests go to v2."""

_SIDECARS = ("productpage-v1", "details-v1", "reviews-v1", "reviews-v2", "reviews-v3", "ratings-v1")

CHECKS: Mapping[str, StepChecks] = MappingProxyType(
    {
        "01-all-v1": StepChecks(
            probes=(answered_by(NOBODY, "v1"), answered_by(JASON, "v1")),
            holds=(all_answered_by(NOBODY, "v1"), all_answered_by(JASON, "v1"), page_shows(NOBODY, stars=None)),
        ),
        "02-jason-to-v2": StepChecks(
            probes=(answered_by(JASON, "v2"),),
            holds=(
                all_answered_by(JASON, "v2"),
                all_answered_by(NOBODY, "v1"),
                page_shows(JASON, stars="black"),
                page_shows(NOBODY, stars=None),
            ),
        ),
        "03-canary-90-10": StepChecks(
            probes=(some_answered_by("v3"),),
            holds=(split({"v1": 0.9, "v3": 0.1}),),
        ),
        "04-canary-50-50": StepChecks(
            probes=(share_of_at_least("v3", 0.35),),
            holds=(split({"v1": 0.5, "v3": 0.5}),),
        ),
        "05-all-v3": StepChecks(
            probes=(share_of_at_least("v3", 1.0),),
            holds=(all_answered_by(NOBODY, "v3"), all_answered_by(JASON, "v3"), page_shows(NOBODY, stars="red")),
        ),
        "06-jason-delay": StepChecks(
            probes=(answered_by(NOBODY, "v1"), ratings_hang(STARRED, JASON)),
            holds=(
                ratings_delayed(STARRED, JASON, seconds=7.0),
                reviews_given_up(JASON, seconds=6.0),
                ratings_answer(STARRED, NOBODY, 200, within=1.0),
                all_answered_by(NOBODY, "v1"),
            ),
        ),
        "07-jason-abort": StepChecks(
            probes=(stars_fail_with(JASON, 500),),
            holds=(
                ratings_answer(STARRED, JASON, 500, within=1.0),
                ratings_answer(STARRED, NOBODY, 200, within=1.0),
                all_answered_by(JASON, "v2"),
                all_answered_by(NOBODY, "v1"),
            ),
        ),
        "08-ingress": StepChecks(
            probes=(gateway_opens("/productpage"), stars_are_there(JASON)),
            holds=(
                gateway_answers("/productpage", 200),
                gateway_answers("/nothing-here", 404),
                gateway_answers("/details/0", 404),
                page_shows(JASON, stars="black"),
            ),
        ),
        "s1-mutual-tls": StepChecks(
            probes=tuple(map(plain_text_is_refused, _SIDECARS)),
            holds=(
                *(all_plain_text_refused(workload) for workload in _SIDECARS),
                callers_known_as("bookinfo-productpage"),
            ),
        ),
        "s2-token": StepChecks(
            probes=(turned_away(WITHOUT_TOKEN), turned_away(FORGED_TOKEN)),
            holds=(
                all_turned_away(WITHOUT_TOKEN),
                all_turned_away(FORGED_TOKEN),
                members_see_ratings(),
                page_shows(JASON, stars="black"),
            ),
        ),
        "s3-deny": StepChecks(
            probes=(turned_away(AS_REVIEWS),),
            holds=(
                all_turned_away(AS_REVIEWS),
                denial_is_explained("details-v1", "details-for-the-page"),
                page_shows(JASON, stars="black"),
                callers_known_as("bookinfo-productpage"),
            ),
        ),
    }
)
