"""What people and tools may look at: read-only projections of a running control plane over HTTP.

Belongs here: the monitoring and debug endpoints (later the web console). Does not belong here: anything that changes
state, and any knowledge of how a projection is made: the application passes a `Probes` in. Does I/O.
"""

from xds.console.http import HttpServer, Probes, create_app

__all__ = ["HttpServer", "Probes", "create_app"]
