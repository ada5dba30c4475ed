"""HTTP filters, one file each: the filter in the chain with its phase and, where it applies, its per-route override.

Adding one is that file and a line in DEFAULT.
"""

from __future__ import annotations

from typing import Final

from translators.filters import (
    authorization,
    cors,
    dynamic_forward_proxy,
    extension,
    external_authorization,
    fault,
    grpc_web,
    jwt_authn,
    mesh_protocols,
    router,
)
from xds.pipeline.translator import Translator

DEFAULT: Final[tuple[Translator, ...]] = (
    cors.translate,
    external_authorization.translate,
    authorization.translate,
    dynamic_forward_proxy.translate,
    fault.translate,
    jwt_authn.translate,
    extension.translate,
    grpc_web.translate,
    mesh_protocols.translate,
    router.translate,
)
"""The built-in filters. Their phases decide the order in the chain, and within a phase this list."""
