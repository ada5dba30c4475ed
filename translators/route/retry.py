"""Retries: Istio ``HTTPRetry``, and Istio's default where there is none, to Envoy ``RetryPolicy``."""

from __future__ import annotations

from functools import lru_cache

from envoy_data_plane.envoy.config.route.v3 import (
    RetryPolicy,
    RetryPolicyRetryBackOff,
    RetryPolicyRetryHostPredicate,
    RetryPolicyRetryPriority,
    RouteAction,
)
from envoy_data_plane.envoy.extensions.retry.host.previous_hosts.v3 import PreviousHostsPredicate
from envoy_data_plane.envoy.extensions.retry.priority.previous_priorities.v3 import PreviousPrioritiesConfig

from xds.model.routing import HTTPRetry
from xds.wire.encode import encode, pack_any

DEFAULT_RETRY_ON = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes"
_STATUS_CODES = "retriable-status-codes"
_DEFAULT = HTTPRetry(attempts=2)
_HOST_SELECTION_ATTEMPTS = 5
_PRIORITY_UPDATE_FREQUENCY = 2


@lru_cache(maxsize=1024)
def retries(retry: HTTPRetry | None, consistent_hash: bool) -> bytes:
    """An encoded ``RouteAction`` with nothing but a retry policy; empty if retries are off.

    consistent_hash: whether the destination is chosen by a hash, which must lead to the same host again.
    """
    policy = retry or _DEFAULT
    if policy.attempts <= 0:
        return b""
    conditions, codes = retry_conditions(policy.retry_on)
    return encode(
        RouteAction(
            retry_policy=RetryPolicy(
                retry_on=conditions,
                retriable_status_codes=codes,
                num_retries=policy.attempts,
                per_try_timeout=policy.per_try_timeout,
                retry_host_predicate=_other_hosts()
                if policy.retry_ignore_previous_hosts and not consistent_hash
                else [],
                host_selection_retry_max_attempts=_HOST_SELECTION_ATTEMPTS,
                retry_priority=_other_priorities() if policy.retry_remote_localities else None,
                retry_back_off=RetryPolicyRetryBackOff(base_interval=policy.backoff) if policy.backoff else None,
            )
        )
    )


def retry_conditions(retry_on: str) -> tuple[str, list[int]]:
    """Istio's list as Envoy has it: conditions by name, and the numbers, which are status codes, apart."""
    items = [item.strip() for item in retry_on.split(",") if item.strip()]
    if not items:
        return DEFAULT_RETRY_ON, []
    codes = [int(item) for item in items if item.isdecimal()]
    names = [item for item in items if not item.isdecimal()]
    if codes and _STATUS_CODES not in names:
        names.append(_STATUS_CODES)
    return ",".join(names), codes


def _other_hosts() -> list[RetryPolicyRetryHostPredicate]:
    name = "envoy.retry_host_predicates.previous_hosts"
    return [RetryPolicyRetryHostPredicate(name=name, typed_config=pack_any(PreviousHostsPredicate()))]


def _other_priorities() -> RetryPolicyRetryPriority:
    config = PreviousPrioritiesConfig(update_frequency=_PRIORITY_UPDATE_FREQUENCY)
    return RetryPolicyRetryPriority(name="envoy.retry_priorities.previous_priorities", typed_config=pack_any(config))
