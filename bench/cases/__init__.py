"""The cases, in the order of the table."""

from bench.case import Case
from bench.cases import (
    cold_compile,
    encoder,
    endpoint_changed,
    memory,
    second_sidecar,
    virtual_service_changed,
)

CASES: tuple[Case, ...] = (
    cold_compile.CASE,
    virtual_service_changed.CASE,
    endpoint_changed.CASE,
    second_sidecar.CASE,
    memory.CASE,
    encoder.CASE,
)

__all__ = ["CASES"]
