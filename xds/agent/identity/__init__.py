"""Who the workload is: an X509-SVID whose key is made here and never leaves, and what others' are checked against.

`IdentityAgent` is the whole of it: run it, wait until it is `ready`, and look at its `identity`.

Pure: ``svid``, ``timing``, ``proof``, ``advice``. Everything else does I/O.
"""

from xds.agent.identity.agent import IdentityAgent, IdentityOptions
from xds.agent.identity.holder import Identity
from xds.agent.identity.svid import State, Svid
from xds.agent.identity.tokens import TokenFile

__all__ = ["Identity", "IdentityAgent", "IdentityOptions", "State", "Svid", "TokenFile"]
