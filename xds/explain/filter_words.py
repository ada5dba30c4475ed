"""What HTTP filters do with a request, in words; those whose effect is an outcome of its own are told elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from xds.explain.request import Request

_FILTERS: Final = "type.googleapis.com/envoy.extensions.filters.http."
_GRPC_WEB: Final = frozenset(
    f"application/grpc-web{form}{coding}" for form in ("", "-text") for coding in ("", "+proto")
)


def _grpc_web(request: Request) -> str:
    if request.header("content-type") not in _GRPC_WEB:
        return "leaves this request alone, since its content-type is not that of gRPC-Web"
    return "makes a gRPC call of this gRPC-Web request, and translates the answer back"


def _always(text: str) -> Callable[[Request], str]:
    return lambda _: text


_UNDECIDED: Final = "whether it does is not told here"
_WORDS: Final[Mapping[str, Callable[[Request], str]]] = {
    "grpc_web.v3.GrpcWeb": _grpc_web,
    "grpc_stats.v3.FilterConfig": _always("counts gRPC calls and messages, and changes nothing"),
    "dynamic_forward_proxy.v3.FilterConfig": _always("looks the host of the request up by DNS if the route needs it"),
    "local_ratelimit.v3.LocalRateLimit": _always(f"answers 429 when its tokens are used up; {_UNDECIDED}"),
    "ratelimit.v3.RateLimit": _always(f"asks a service, by which it may answer 429; {_UNDECIDED}"),
    "wasm.v3.Wasm": _always("runs a plugin, whose effect is not told here"),
    "set_filter_state.v3.Config": _always("says what requests speak when TLS begins, and changes nothing"),
    "lua.v3.Lua": _always("runs a script, whose effect is not told here"),
}
"""By type, without what all types begin with."""


def filter_words(kind: str, request: Request) -> str:
    """``GrpcWeb leaves this request alone, ...``. kind: a type URL."""
    words = _WORDS.get(kind.removeprefix(_FILTERS))
    name = _name(kind)
    return f"{name} {words(request)}" if words is not None else f"{name}, whose effect is not told here"


def _name(kind: str) -> str:
    """The type's own name; that of its package where every package has one of that name."""
    package, _, name = kind.rpartition(".")
    return package.split(".")[-2] if name in ("FilterConfig", "Config") else name
