"""A workload that joins: asks for a certificate with a join token, and prints its serial number.

``python -m e2e.faults.machine.newcomer HOST:PORT ROOT_CERT TOKEN``, in the namespace of the workload.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from cryptography import x509

from xds.agent.identity.proof import Means
from xds.agent.identity.proofs import Proof
from xds.agent.identity.request import new_key, request_for
from xds.agent.identity.signing import sign
from xds.model.credentials import Sealed


async def join(address: str, roots: bytes, token: Sealed) -> str:
    """The serial number, as the control plane's log has it."""
    proof = Proof(Means.JOIN_TOKEN, token=token)
    leaf = (await sign(address, roots, request_for(new_key()), proof))[0]
    return f"{x509.load_pem_x509_certificate(leaf.encode()).serial_number:x}"


if __name__ == "__main__":
    shown = Sealed(Path(sys.argv[3]).read_bytes())
    print(asyncio.run(join(sys.argv[1], Path(sys.argv[2]).read_bytes(), shown)))
