"""Errors that end a command with one line for the operator."""

from __future__ import annotations


class StartError(Exception):
    """A command cannot do its work. The text is one line for the operator."""
