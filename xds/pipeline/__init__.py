"""From a Mesh and a Proxy to encoded resources: the contract that translators fulfil, and the one fold over them.

`view_of` answers what a proxy may see; translators turn the view into `Contribution` values; `assemble` is the only
place where contributions meet. `Pipeline` runs them and remembers, by input, all that did not change. Pure: no I/O,
no clock. A translator of a user is the equal of a built-in one: both are passed in, in a visible tuple.
"""

from xds.pipeline.automatic import automatic_addresses, of_versions
from xds.pipeline.compile import Compiled, Pipeline, TranslatorError
from xds.pipeline.contribution import (
    Contribution,
    Direction,
    FilterChainPart,
    HttpConnection,
    HttpFilterPart,
    ListenerPart,
    Patch,
    Phase,
    Resources,
    RouteOverride,
    RoutePart,
    RouteRef,
    VirtualHostPart,
    VirtualHosts,
)
from xds.pipeline.memo import Memo
from xds.pipeline.translator import Translator, add, guard, patch
from xds.pipeline.view import key_inputs, view_key, view_of

__all__ = [
    "Compiled",
    "Contribution",
    "Direction",
    "FilterChainPart",
    "HttpConnection",
    "HttpFilterPart",
    "ListenerPart",
    "Memo",
    "Patch",
    "Phase",
    "Pipeline",
    "Resources",
    "RouteOverride",
    "RoutePart",
    "RouteRef",
    "Translator",
    "TranslatorError",
    "VirtualHostPart",
    "VirtualHosts",
    "add",
    "automatic_addresses",
    "guard",
    "key_inputs",
    "of_versions",
    "patch",
    "view_key",
    "view_of",
]
