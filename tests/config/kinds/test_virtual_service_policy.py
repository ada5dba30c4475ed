"""VirtualService: retries, faults, mirrors and CORS."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.config.kinds.istio import warned
from tests.config.kinds.test_virtual_service_http import TO_REVIEWS, one, rule, wrong
from xds.config.kinds.virtual_service import KIND
from xds.model.routing import (
    CorsPolicy,
    Destination,
    FaultAbort,
    FaultDelay,
    HTTPFaultInjection,
    HTTPMirrorPolicy,
    HTTPRetry,
    MatchKind,
    StringMatch,
)

A = Destination("a.bookinfo.svc.cluster.local")
B = Destination("b.bookinfo.svc.cluster.local", "v1", 80)


def test_without_retries_the_default_holds() -> None:
    assert one(TO_REVIEWS).retries is None


@pytest.mark.parametrize("written", ["{}", "{attempts: 0}"])
def test_retries_without_attempts_are_off(written: str) -> None:
    assert one(f"retries: {written}\n{TO_REVIEWS}").retries == HTTPRetry(attempts=0)


def test_reads_retries() -> None:
    text = f"""\
        retries:
          attempts: 3
          perTryTimeout: 2s
          retryOn: "refused-stream, connect-failure,429"
          retryRemoteLocalities: true
          retryIgnorePreviousHosts: false
          backoff: 25ms
        {TO_REVIEWS}
        """
    assert one(text).retries == HTTPRetry(
        attempts=3,
        per_try_timeout=timedelta(seconds=2),
        retry_on="refused-stream,connect-failure,429",
        retry_remote_localities=True,
        retry_ignore_previous_hosts=False,
        backoff=timedelta(milliseconds=25),
    )


@pytest.mark.parametrize("condition", ["sometimes", "99", "600", "5xx,,reset", "٥٠٣"])
def test_refuses_unknown_retry_conditions(condition: str) -> None:
    assert wrong(f"retries:\n  attempts: 1\n  retryOn: '{condition}'\n{TO_REVIEWS}") == [(3, "retries.retryOn")]


def test_refuses_conditions_for_retries_that_are_off() -> None:
    assert wrong(f"retries:\n  attempts: 0\n  retryOn: 5xx\n{TO_REVIEWS}") == [(3, "retries.retryOn")]
    assert wrong(f"retries:\n  perTryTimeout: 1s\n{TO_REVIEWS}") == [(2, "retries.perTryTimeout")]
    assert wrong(f"retries: {{attempts: -1}}\n{TO_REVIEWS}") == [(1, "retries.attempts")]


def test_reads_faults() -> None:
    text = f"""\
        fault:
          delay: {{fixedDelay: 7s, percentage: {{value: 0.5}}}}
          abort: {{httpStatus: 500, percentage: {{value: 100}}}}
        {TO_REVIEWS}
        """
    assert one(text).fault == HTTPFaultInjection(
        FaultDelay(timedelta(seconds=7), 0.5), FaultAbort(http_status=500, percentage=100.0)
    )


@pytest.mark.parametrize("written", ["UNAVAILABLE", "'14'"])
def test_reads_grpc_faults(written: str) -> None:
    text = f"fault: {{abort: {{grpcStatus: {written}, percentage: {{value: 5}}}}}}\n{TO_REVIEWS}"
    assert one(text).fault == HTTPFaultInjection(abort=FaultAbort(grpc_status=14, percentage=5.0))


def test_reads_the_old_percent_of_a_delay() -> None:
    text = f"fault: {{delay: {{fixedDelay: 1s, percent: 20}}}}\n{TO_REVIEWS}"
    assert one(text).fault == HTTPFaultInjection(FaultDelay(timedelta(seconds=1), 20.0))


def test_a_fault_without_percentage_hits_no_request() -> None:
    text = f"fault:\n  delay: {{fixedDelay: 1s}}\n  abort: {{httpStatus: 500}}\n{TO_REVIEWS}"
    service, found = warned(KIND, rule(text))
    assert service.http[0].fault == HTTPFaultInjection(
        FaultDelay(timedelta(seconds=1), 0.0), FaultAbort(http_status=500, percentage=0.0)
    )
    assert found == [
        (4, "spec.http[0].fault.delay.percentage", "no-effect"),
        (5, "spec.http[0].fault.abort.percentage", "no-effect"),
    ]


def test_warns_of_faults_that_envoy_does_not_have() -> None:
    text = f"fault: {{delay: {{exponentialDelay: 1s}}, abort: {{http2Error: X}}}}\n{TO_REVIEWS}"
    service, found = warned(KIND, rule(text))
    assert service.http[0].fault == HTTPFaultInjection()
    assert {code for _, _, code in found} == {"not-honoured"}


def test_refuses_wrong_faults() -> None:
    assert wrong(f"fault: {{}}\n{TO_REVIEWS}") == [(1, "fault")]
    assert wrong(f"fault:\n  delay: {{percentage: {{value: 1}}}}\n{TO_REVIEWS}") == [(2, "fault.delay.fixedDelay")]
    assert wrong(f"fault:\n  delay: {{fixedDelay: 1s, percentage: {{value: 101}}}}\n{TO_REVIEWS}") == [
        (2, "fault.delay.percentage.value")
    ]
    assert wrong(f"fault:\n  delay: {{fixedDelay: 1s, percent: -1}}\n{TO_REVIEWS}") == [(2, "fault.delay.percent")]
    assert wrong(f"fault:\n  abort: {{percentage: {{value: 1}}}}\n{TO_REVIEWS}") == [(2, "fault.abort")]
    percentage = "percentage: {value: 1}"
    assert wrong(f"fault:\n  abort: {{httpStatus: 700, {percentage}}}\n{TO_REVIEWS}") == [(2, "fault.abort.httpStatus")]
    assert wrong(f"fault:\n  abort: {{grpcStatus: LATE, {percentage}}}\n{TO_REVIEWS}") == [
        (2, "fault.abort.grpcStatus")
    ]
    assert wrong(f"fault:\n  abort: {{grpcStatus: '17', {percentage}}}\n{TO_REVIEWS}") == [
        (2, "fault.abort.grpcStatus")
    ]


def test_reads_mirrors() -> None:
    assert one(TO_REVIEWS).mirrors == ()
    assert one(f"mirror: {{host: a}}\n{TO_REVIEWS}").mirrors == (HTTPMirrorPolicy(A),)
    to_b = "{host: b, subset: v1, port: {number: 80}}"
    text = f"mirrors: [{{destination: {to_b}, percentage: {{value: 5}}}}]\n{TO_REVIEWS}"
    assert one(text).mirrors == (HTTPMirrorPolicy(B, 5.0),)


@pytest.mark.parametrize("field", ["mirrorPercentage: {value: 30}", "mirrorPercent: 30", "mirror_percent: 30"])
def test_reads_every_spelling_of_a_mirror_percentage(field: str) -> None:
    assert one(f"mirror: {{host: a}}\n{field}\n{TO_REVIEWS}").mirrors == (HTTPMirrorPolicy(A, 30.0),)


def test_refuses_wrong_mirrors() -> None:
    assert wrong(f"mirror: {{host: a}}\nmirrors: [{{destination: {{host: b}}}}]\n{TO_REVIEWS}") == [(2, "mirrors")]
    assert wrong(f"mirror: {{host: a}}\nmirrorPercent: 101\n{TO_REVIEWS}") == [(2, "mirrorPercent")]


def test_reads_cors_policies() -> None:
    text = f"""\
        corsPolicy:
          allowOrigins: [{{exact: "https://a.example.com"}}, {{regex: ".*"}}]
          allowMethods: [GET, POST]
          allowHeaders: [x-one]
          exposeHeaders: [x-two]
          maxAge: 24h
          allowCredentials: false
        {TO_REVIEWS}
        """
    assert one(text).cors_policy == CorsPolicy(
        allow_origins=(StringMatch(MatchKind.EXACT, "https://a.example.com"), StringMatch(MatchKind.REGEX, ".*")),
        allow_methods=("GET", "POST"),
        allow_headers=("x-one",),
        expose_headers=("x-two",),
        max_age=timedelta(hours=24),
        allow_credentials=False,
    )


def test_reads_the_old_list_of_origins() -> None:
    found = one(f"corsPolicy: {{allowOrigin: ['*']}}\n{TO_REVIEWS}").cors_policy
    assert found == CorsPolicy(allow_origins=(StringMatch(MatchKind.EXACT, "*"),))


def test_refuses_wrong_cors_policies() -> None:
    assert wrong(f"corsPolicy:\n  maxAge: 1500ms\n{TO_REVIEWS}") == [(2, "corsPolicy.maxAge")]
    assert wrong(f"corsPolicy:\n  allowOrigins: [{{regex: '['}}]\n{TO_REVIEWS}") == [
        (2, "corsPolicy.allowOrigins[0].regex")
    ]
