"""Certificates over gRPC: what one takes, and how long until a thousand workloads that ask at once all have theirs.

``per certificate`` is all that the server's process uses for a request (TLS, gRPC, the proof of who asks, checking the
request, signing, checking what was signed, a line in the log), user and system, by the number of requests; 333 us are
3,000 in a second on one core. 50 workloads ask, each on its own connection. Below it is what cannot be saved: ``gRPC
alone``, which is a server that answers the same bytes in plain text with nothing behind it, and ``crypto alone``, which
is one verified and one made signature.

``all renewed`` is a time of the clock: 1,000 workloads connect anew at once, prove themselves by their certificates and
get others, until the last has it. Server and clients share two cores; ``CPU of the server`` is its part.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from bench.case import Case, Figure, Samples, Size
from bench.fanout.link import Child
from bench.stopwatch import Stopwatch

_SERVER, _FLOOR, _CLIENTS = "bench.issuing.server", "bench.issuing.floor", "bench.issuing.clients"
_WORKLOADS = 50
_TIMES = 10
_ROUNDS = 5
_MICROSECONDS = 1000


@dataclass(frozen=True, slots=True)
class _Pair:
    server: Child
    clients: Child


@contextmanager
def _running(module: str, workloads: int) -> Iterator[_Pair]:
    with TemporaryDirectory() as folder, Child(module, folder) as server, Child(_CLIENTS) as clients:
        clients.ask("know", **server.ask("start", workloads=workloads))
        yield _Pair(server, clients)


def issuing(_: Size) -> Samples:
    return {
        "per certificate": _per_request(_SERVER),
        "gRPC alone": _per_request(_FLOOR),
        "crypto alone": [_crypto()],
    }


def _per_request(module: str) -> list[float]:
    """Microseconds of the server's CPU, in each round but the first, in which things are loaded."""
    with _running(module, _WORKLOADS) as pair:
        pair.clients.ask("connect")
        used = []
        for _ in range(_ROUNDS):
            before = pair.server.ask("usage")["cpu"]
            pair.clients.ask("ask", times=_TIMES)
            used.append((pair.server.ask("usage")["cpu"] - before) * _MICROSECONDS / (_WORKLOADS * _TIMES))
    return used[1:]


def _crypto() -> float:
    key, data, algorithm, watch = (
        ec.generate_private_key(ec.SECP256R1()),
        b"x" * 400,
        ec.ECDSA(hashes.SHA256()),
        Stopwatch(),
    )
    with watch.lap("both"):
        for _ in range(_MICROSECONDS):
            key.public_key().verify(key.sign(data, algorithm), data, algorithm)
    return watch.samples["both"][0]


def renewals(size: Size) -> Samples:
    with _running(_SERVER, size.streams) as pair:
        before = pair.server.ask("usage")["cpu"]
        asked = pair.clients.ask("ask", times=1)
        used = pair.server.ask("usage")["cpu"] - before
    return {"all renewed": [asked["ended"] - asked["begun"]], "CPU of the server": [used / _MICROSECONDS]}


ISSUING = Case(
    name="certificate over gRPC",
    figures=(Figure("per certificate", "us", 333), Figure("gRPC alone", "us"), Figure("crypto alone", "us")),
    measure=issuing,
)
RENEWALS = Case(
    name="1,000 renewals at once",
    figures=(Figure("all renewed", "s", 5), Figure("CPU of the server", "s")),
    measure=renewals,
)
