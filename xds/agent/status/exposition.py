"""Prometheus' text format, put together from what others write: pure functions over blocks of whole lines.

Source: Prometheus, "Exposition formats", text-based format 0.0.4.
"""

from __future__ import annotations

import re
from typing import Final

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

MAX_LINE: Final = 64 << 10
"""Bytes of a line."""

_NAME: Final = rb"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL: Final = rb'[ \t]*[a-zA-Z_][a-zA-Z0-9_]*[ \t]*=[ \t]*"(?>[^"\\\n]|\\[\\"n])*"[ \t]*'
_LABELS: Final = rb"\{(?:" + _LABEL + rb"(?:," + _LABEL + rb")*,?)?[ \t]*\}"
_VALUE: Final = rb"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,2})?|[Ii]nf|[Nn]a[Nn])"
_SAMPLE: Final = _NAME + rb"[ \t]*(?:" + _LABELS + rb")?[ \t]+" + _VALUE + rb"(?:[ \t]+-?\d{1,18})?[ \t]*"
_TYPE: Final = rb"# TYPE " + _NAME + rb" (?:counter|gauge|histogram|summary|untyped)"
_HELP: Final = rb"# HELP " + _NAME + rb" (?:[^\\\n]|\\[\\n])*"

_LINE: Final = re.compile(rb"^(?:" + rb"|".join((_SAMPLE, _TYPE, _HELP)) + rb")\n", re.MULTILINE)
_OF_ISTIO: Final = re.compile(rb"^(# (?:TYPE|HELP) )?envoy_(?=istio_)", re.MULTILINE)


class LineError(Exception):
    """A line is too long for metrics."""


class WholeLines:
    """Cuts what comes in pieces behind the last end of a line."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> bytes:
        """The lines that are whole now. Raises LineError."""
        lines, end, rest = (self._rest + piece).rpartition(b"\n")
        if len(rest) > MAX_LINE:
            raise LineError(f"a line is longer than {MAX_LINE} bytes")
        self._rest = rest
        return lines + end

    def end(self) -> bytes:
        """The last line, which may have no end of its own."""
        return self._rest + b"\n" if self._rest else b""


def of_envoy(lines: bytes) -> bytes:
    """Envoy's, with Istio's own names for the metrics that are Istio's: Envoy puts its prefix before all."""
    return _OF_ISTIO.sub(rb"\1", lines)


def of_application(lines: bytes) -> bytes:
    """What of it are metrics: a line that is none would cost the reader the metrics of everybody else too."""
    return b"".join(_LINE.findall(lines.decode(errors="replace").encode()))
