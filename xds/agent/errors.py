"""What an agent cannot go on without. The message says what to do."""

from __future__ import annotations


class AgentError(Exception):
    """The agent cannot start, or has to end."""
