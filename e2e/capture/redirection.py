"""The netfilter rules that lead a workload's traffic through its sidecar, as Istio's init container sets them."""

from __future__ import annotations

PROXY_GROUP = 1337
"""The group whose traffic is not captured: the proxy's own.

A group and not a user, so that the proxy can read files of whoever runs the tests.
"""

NAT_RULES = f"""\
*nat
:INBOUND -
:OUTBOUND -
-A PREROUTING -p tcp -j INBOUND
-A OUTPUT -p tcp -j OUTBOUND
-A INBOUND -p tcp -m multiport --dports 15021,15090 -j RETURN
-A INBOUND -p tcp -j REDIRECT --to-ports 15006
-A OUTBOUND -s 127.0.0.6/32 -o lo -j RETURN
-A OUTBOUND -o lo ! -d 127.0.0.1/32 -p tcp -m owner --gid-owner {PROXY_GROUP} -j REDIRECT --to-ports 15006
-A OUTBOUND -o lo -m owner ! --gid-owner {PROXY_GROUP} -j RETURN
-A OUTBOUND -m owner --gid-owner {PROXY_GROUP} -j RETURN
-A OUTBOUND -d 127.0.0.1/32 -j RETURN
-A OUTBOUND -p tcp -j REDIRECT --to-ports 15001
COMMIT
"""


def as_proxy(*argv: str) -> tuple[str, ...]:
    """``argv`` in the proxy's group. A change of group ends the leash that the process is on, so it gets a new one."""
    return ("setpriv", "--regid", str(PROXY_GROUP), "--clear-groups", "--pdeathsig", "KILL", *argv)
