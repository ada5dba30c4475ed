"""What documents name and do not have, as far as somebody has fetched it."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, NamedTuple

from xds.model.extensions import Modules
from xds.model.request_authentication import KeySets


class Fetched(NamedTuple):
    """modules: of Wasm. key_sets: of the issuers of tokens."""

    modules: Modules
    key_sets: KeySets


NOTHING_FETCHED: Final = Fetched(MappingProxyType({}), MappingProxyType({}))
