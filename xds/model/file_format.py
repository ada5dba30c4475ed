"""Formats of files that outlive a process, and that another version of Pilothouse may have written.

A file says its format by a number. What an older version would misread, or lose when it writes the file anew, makes a
new number necessary; what it may pass over does not.
"""

from __future__ import annotations

from collections.abc import Mapping

FIELD = "version"


class NewerFormatError(ValueError):
    """A file of a format that a later version of Pilothouse writes. It is neither used nor changed."""


def check_format(document: Mapping[str, object], what: str, known: int = 1) -> None:
    """Returns if a document has the format ``known``. One without a number has the first. what: for the error.

    Raises NewerFormatError for a later one, and ValueError for what is none.
    """
    found = document.get(FIELD, 1)
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise ValueError(f"{what} has no format")
    if found > known:
        formats = f"its format is {found}, and this version reads {known}"
        raise NewerFormatError(f"{what} was written by a newer version of Pilothouse: {formats}")
