"""Where the Bookinfo example is: in a checkout of the repository, which a wheel does not hold."""

from __future__ import annotations

import sys
from pathlib import Path

import xds
from xds.app.demo.errors import DemoError

MARKER = Path("examples/bookinfo/topology.py")


def find_checkout(start: Path) -> Path:
    """The root of the repository: ``start`` or a folder above it, or else where this package was installed from.

    Raises DemoError if neither is a checkout.
    """
    installed_from = Path(xds.__file__).parent.parent
    for folder in (start, *start.parents, installed_from):
        if (folder / MARKER).is_file():
            return folder
    raise DemoError(
        "The demo runs the example in examples/bookinfo, and there is none here.\n"
        "Run it in a checkout of Pilothouse's repository, or by `make demo` there."
    )


def make_importable(checkout: Path) -> None:
    """Lets this process import the ``examples`` package of the checkout."""
    if str(checkout) not in sys.path:
        sys.path.insert(0, str(checkout))
