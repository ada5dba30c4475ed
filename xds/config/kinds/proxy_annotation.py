"""A Pod's own configuration of its proxy: Istio's annotation ``proxy.istio.io/config``, whose text is YAML or JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Final, NamedTuple

from xds.config.kinds.mesh_config import HONOURED, KIND_NAME
from xds.config.kinds.proxy_defaults import parse_proxy_override
from xds.config.reader import Reader
from xds.config.schema import find_schema, not_honoured, validate
from xds.config.yaml import parse_settings
from xds.model.diagnostic import Diagnostic, Severity
from xds.model.proxy_settings import ProxyOverride

ANNOTATION: Final = "proxy.istio.io/config"

_FIELD: Final = "defaultConfig"
"""The field of MeshConfig that has the same message."""


class _Finding(NamedTuple):
    reason: str
    code: str


class _Read(NamedTuple):
    override: ProxyOverride | None
    findings: tuple[_Finding, ...]


def parse_proxy_annotation(root: Reader) -> ProxyOverride | None:
    """What the annotation of an object says; None without one, or if there is an error in it.

    An error costs the annotation alone: the object is in force without it.
    """
    text = root.raw.meta.annotations.get(ANNOTATION)
    if not text:
        return None
    read = _read(text)
    for reason, code in read.findings:
        root.warning(("metadata", "annotations", ANNOTATION), reason, code)
    return read.override


@lru_cache(maxsize=1024)
def _read(text: str) -> _Read:
    """Remembered, as the Pods of a Deployment all say the same."""
    raw, problems = parse_settings(text, ANNOTATION, KIND_NAME)
    if raw is None:
        return _Read(None, _findings(problems))
    schema = find_schema(KIND_NAME, "")
    if schema is None:
        raise LookupError("the package has no schema for MeshConfig")
    wrapped = replace(raw, document={_FIELD: raw.document}, lines=[])
    found = validate(wrapped, schema)
    if found:
        return _Read(None, _findings(found))
    reader = Reader(wrapped, problems=not_honoured(wrapped, schema, HONOURED))
    override = parse_proxy_override(reader.section(_FIELD))
    errors = [each for each in reader.problems if each.severity is Severity.ERROR]
    return _Read(None, _findings(errors)) if errors else _Read(override, _findings(reader.problems))


def _findings(problems: Iterable[Diagnostic]) -> tuple[_Finding, ...]:
    return tuple(_Finding(_reason(problem), problem.code) for problem in problems)


def _reason(problem: Diagnostic) -> str:
    where = problem.path.removeprefix(_FIELD).removeprefix(".")
    told = f"{where}: {problem.reason}" if where else problem.reason
    return f"{told}; the annotation is left out" if problem.severity is Severity.ERROR else told
