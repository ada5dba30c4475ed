"""What a request would meet, told from the resources of a proxy alone: Envoy's matching, reproduced.

Belongs here: how Envoy chooses a listener, a filter chain, a virtual host, a route, a cluster and an endpoint, and what
it does to a request on the way. Does not belong here: what Istio means by anything, where resources come from, files.
Everything is pure. What cannot be told raises `UnsupportedError` rather than a guess.
"""

from xds.explain.errors import UnsupportedError
from xds.explain.explain import explain, explain_arrival
from xds.explain.listener import UndecidedError, is_socket
from xds.explain.request import PLAIN, TLS, Connection, Request
from xds.explain.result import Answered, Check, ClusterStep, Ended, Explanation, Forwarded, Outcome, Policy, Spoken

__all__ = [
    "PLAIN",
    "TLS",
    "Answered",
    "Check",
    "ClusterStep",
    "Connection",
    "Ended",
    "Explanation",
    "Forwarded",
    "Outcome",
    "Policy",
    "Request",
    "Spoken",
    "UndecidedError",
    "UnsupportedError",
    "explain",
    "explain_arrival",
    "is_socket",
]
