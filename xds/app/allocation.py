"""How this process holds on to memory that it has freed.

A large response is built, copied by gRPC and freed again for every stream. By default the C library gives memory of
that size back at once, and gets it anew, page by page, for the next, which takes about as long as sending it. So it
keeps what was freed for a while; it is given back now and then.
"""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_KEPT_BYTES = 64 << 20
_LARGEST_BYTES = 32 << 20
"""What is larger than this comes from the system all the same; glibc takes no larger number."""


def keep_what_was_freed() -> bool:
    """To be called when the process starts. False if this C library has no such setting: only glibc has."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES) and mallopt(_M_MMAP_THRESHOLD, _LARGEST_BYTES))


def give_back() -> None:
    """Return to the system what is free. To be called now and then, not for every change."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
