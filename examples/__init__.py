"""Runnable examples. They use the public API and the command line alone, and run from a checkout of the repository."""
