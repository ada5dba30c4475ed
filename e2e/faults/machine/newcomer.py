"""A workload that joins: asks for a certificate with a join token, and prints its serial number.

``python -m e2e.faults.machine.newcomer HOST:PORT ROOT_CERT TOKEN``, in the namespace of the workload.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from xds.agent.identity.proof import Means
from xds.agent.identity.proofs import Proof
from xds.agent.identity.request import new_key, request_for
from xds.agent.identity.signing import sign
from xds.model.credentials import Sealed


async def join(address: str, roots: bytes, token: Sealed) -> str:
    """The serial number, as the control plane's log has it. Fails for a certificate that does not hold now."""
    proof = Proof(Means.JOIN_TOKEN, token=token)
    leaf = (await sign(address, roots, request_for(new_key()), proof))[0]
    certificate = x509.load_pem_x509_certificate(leaf.encode())
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    assert begins <= datetime.now(UTC) < ends, f"certificate of no use: {begins} to {ends}"
    return f"{certificate.serial_number:x}"


if __name__ == "__main__":
    shown = Sealed(Path(sys.argv[3]).read_bytes())
    print(asyncio.run(join(sys.argv[1], Path(sys.argv[2]).read_bytes(), shown)))
