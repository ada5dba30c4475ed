"""A program that uses the SPIFFE Workload API through the client that others have written: ``python -m ... SOCKET``.

Reads commands from its input, a word on each line, and writes a line of JSON for each answer. It is a program of its
own, as that client waits in its own thread.
"""

from __future__ import annotations

import json
import sys
import threading

from spiffe import WorkloadApiClient, X509Svid
from spiffe.errors import PySpiffeError
from spiffe.workloadapi.x509_context import X509Context

_writing = threading.Lock()


def say(**answer: object) -> None:
    with _writing:
        print(json.dumps(answer), flush=True)


def described(svid: X509Svid) -> dict[str, object]:
    return {"id": str(svid.spiffe_id), "serial": str(svid.leaf.serial_number), "chain": len(svid.cert_chain)}


def roots(context: X509Context) -> dict[str, int]:
    return {str(each.trust_domain): len(each.x509_authorities) for each in context.x509_bundle_set.bundles}


def told(context: X509Context) -> None:
    say(updated=described(context.default_svid), roots=roots(context))


def answer(client: WorkloadApiClient, command: str, argument: str) -> None:
    match command:
        case "x509":
            say(svid=described(client.fetch_x509_svid()))
        case "bundles":
            bundles = client.fetch_x509_bundles().bundles
            say(bundles={str(each.trust_domain): len(each.x509_authorities) for each in bundles})
        case "jwt":
            svid = client.fetch_jwt_svid({argument})
            say(jwt={"id": str(svid.spiffe_id), "audience": sorted(svid.audience)}, token=svid.token)
        case "validate":
            token, _, audience = argument.partition(" ")
            say(valid=str(client.validate_jwt_svid(token, audience).spiffe_id))
        case "jwks":
            keys = client.fetch_jwt_bundles().bundles
            say(jwks={str(each.trust_domain): sorted(each.jwt_authorities) for each in keys})
        case "watch":
            client.stream_x509_contexts(told, lambda error: say(error=str(error)))
        case _:
            raise ValueError(command)


def main() -> None:
    with WorkloadApiClient(f"unix:{sys.argv[1]}", default_timeout=20) as client:
        for line in sys.stdin:
            command, _, argument = line.strip().partition(" ")
            try:
                answer(client, command, argument)
            except PySpiffeError as error:
                say(error=str(error))


if __name__ == "__main__":
    main()
