"""Settings of the whole suite."""

from __future__ import annotations

import os

from hypothesis import settings

from e2e.leftovers.session import nothing_is_left

__all__ = ["nothing_is_left"]

settings.register_profile("repeatable", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("explore", max_examples=1000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
"""The suite gives the same result for the same code; ``HYPOTHESIS_PROFILE=explore`` looks for what it has not seen."""
