"""The cases, in the order of the table."""

from bench.case import Case
from bench.cases import (
    authorization,
    certificates,
    cold_compile,
    encoder,
    endpoint_changed,
    fan_out,
    large_push,
    memory,
    memory_of_streams,
    second_sidecar,
    shapes,
    virtual_service_changed,
)

CASES: tuple[Case, ...] = (
    cold_compile.CASE,
    virtual_service_changed.CASE,
    endpoint_changed.CASE,
    second_sidecar.CASE,
    *shapes.CASES,
    authorization.CASE,
    memory.CASE,
    fan_out.FEW_CONNECTIONS,
    fan_out.OWN_CONNECTIONS,
    large_push.CASE,
    memory_of_streams.CASE,
    encoder.CASE,
    certificates.ISSUING,
    certificates.RENEWALS,
)

__all__ = ["CASES"]
