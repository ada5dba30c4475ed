"""How this process collects garbage.

Documents, the Mesh and encoded resources are large, live long, and hold no cycles: reference counting frees them. The
cyclic collector finds nothing in them, but by default goes through all of them again and again while they grow, which
doubles the time that a large configuration takes to load. So it is told to look less often, at more than what is young
only after five million new objects, and not at all at what is there once the configuration has been loaded.
"""

from __future__ import annotations

import gc

_YOUNG_OBJECTS = 50_000
_MIDDLE_COLLECTIONS = 100
_OLD_COLLECTIONS = 20


def look_less_often() -> None:
    """To be called when the process starts."""
    gc.set_threshold(_YOUNG_OBJECTS, _MIDDLE_COLLECTIONS, _OLD_COLLECTIONS)


def keep_what_is_there() -> None:
    """To be called when what has been loaded will stay: it is collected once, then left alone."""
    gc.collect()
    gc.freeze()
