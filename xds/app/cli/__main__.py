"""``python -m xds.app.cli`` is the ``pilothouse`` command."""

from xds.app.cli import main

main()
