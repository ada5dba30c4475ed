"""The agent's own metrics, in Prometheus' text format. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figures:
    """What there is to tell. svid_expiry: when the certificate ends, in seconds since 1970; None without one.

    renewals: certificates obtained. renewal_failures: attempts in vain. missing: by part, see `Merged.failures`.
    """

    envoy_running: bool
    envoy_restarts: int
    svid_expiry: float | None
    renewals: int
    renewal_failures: int
    missing: Mapping[str, int]


def exposition(figures: Figures) -> str:
    """The lines of all of them."""
    expiry = {} if figures.svid_expiry is None else {"": f"{figures.svid_expiry:.0f}"}
    return "".join(
        (
            _family("envoy_running", "gauge", "Whether there is an Envoy process.", {"": int(figures.envoy_running)}),
            _family(
                "envoy_restarts_total", "counter", "Envoys that ended by themselves.", {"": figures.envoy_restarts}
            ),
            _family("svid_expiry_timestamp_seconds", "gauge", "When the workload's certificate ends.", expiry),
            _family(
                "svid_renewals_total",
                "counter",
                "Attempts to get a certificate.",
                {'{result="success"}': figures.renewals, '{result="failure"}': figures.renewal_failures},
            ),
            _family(
                "metrics_missing_total",
                "counter",
                "Scrapes without the metrics of another, or without some of them.",
                {f'{{of="{part}"}}': count for part, count in figures.missing.items()},
            ),
        )
    )


def _family(name: str, kind: str, text: str, samples: Mapping[str, object]) -> str:
    full = f"pilothouse_agent_{name}"
    lines = (
        f"# HELP {full} {text}",
        f"# TYPE {full} {kind}",
        *(f"{full}{of} {value}" for of, value in samples.items()),
    )
    return "".join(f"{line}\n" for line in lines)
