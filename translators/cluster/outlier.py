"""Passive health checking (Istio ``OutlierDetection``)."""

from __future__ import annotations

from envoy_data_plane.envoy.config.cluster.v3 import OutlierDetection as EnvoyOutlierDetection

from xds.model.policy import OutlierDetection


def outlier_detection(settings: OutlierDetection | None) -> EnvoyOutlierDetection | None:
    """A counter that is set is enforced always, one of 0 never. Success rates never eject, as in Istio."""
    if settings is None:
        return None
    detection = EnvoyOutlierDetection(
        consecutive_5xx=settings.consecutive_5xx_errors,
        enforcing_consecutive_5xx=_enforcing(settings.consecutive_5xx_errors),
        consecutive_gateway_failure=settings.consecutive_gateway_errors,
        enforcing_consecutive_gateway_failure=_enforcing(settings.consecutive_gateway_errors),
        interval=settings.interval,
        base_ejection_time=settings.base_ejection_time,
        max_ejection_percent=settings.max_ejection_percent or None,
        enforcing_success_rate=0,
    )
    if settings.split_external_local_origin_errors:
        _split_local_origin(detection, settings.consecutive_local_origin_failures)
    return detection


def _enforcing(count: int | None) -> int | None:
    return None if count is None else 100 * (count > 0)


def _split_local_origin(detection: EnvoyOutlierDetection, failures: int | None) -> None:
    detection.split_external_local_origin_errors = True
    detection.enforcing_local_origin_success_rate = 0
    detection.consecutive_local_origin_failure = failures
    detection.enforcing_consecutive_local_origin_failure = _enforcing(failures)
