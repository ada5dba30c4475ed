"""Callers of the secure address that say they are somebody else, in every way that there is to say it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import Secret
from google.protobuf.struct_pb2 import Struct
from grpc import aio  # type: ignore[import-untyped]  # grpcio ships no types

from tests.app.test_serve import SERVICE, serving
from tests.ca.kit import REVIEWS, TRUST_DOMAIN, request
from tests.ca.test_service_accounts import EC, NAME, OTHER, jwks, token
from tests.certificates import Authority
from tests.documents import gateway, secret
from tests.features.client import ADS, DeltaStream, SotwStream
from tests.features.test_secure import RATINGS, Secure, code, holder, sign
from xds.app.security import open_authority
from xds.ca import profile
from xds.ca.clock import Moment
from xds.ca.encoding import certificates_pem, key_pem
from xds.ca.keyed import keyed_svid
from xds.ca.service import CertificateAuthority
from xds.model.identity import SpiffeId
from xds.resources import CLUSTER, SECRET
from xds.wire.core_pb2 import Node
from xds.wire.discovery_pb2 import DeltaDiscoveryResponse, DiscoveryResponse

ELSEWHERE = SpiffeId.of_workload(TRUST_DOMAIN, "elsewhere", "reviews")
SOTW, DELTA = f"{ADS}/StreamAggregatedResources", f"{ADS}/DeltaAggregatedResources"
SDS = "/envoy.service.secret.v3.SecretDiscoveryService"
NAMES = ("default", "ROOTCA", *map(str, (REVIEWS, RATINGS, ELSEWHERE)), f"spiffe://{TRUST_DOMAIN}")
FRONT = "kubernetes://front"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    """A control plane for all tests of this file, with a credential for gateways of the namespace ``default``."""
    folder = tmp_path_factory.mktemp("spoofing")
    config = folder / "mesh"
    config.mkdir()
    root = Authority("front")
    front = gateway("front", {"mode": "SIMPLE", "credentialName": "front"}, selector="front")
    documents = (SERVICE.replace("NAME", "a"), front, secret("front", root.issue("front"), root))
    for number, document in enumerate(documents):
        (config / f"{number}.yaml").write_text(document)
    (folder / "keys.json").write_text(jwks(ec=EC))
    more = ("--ca-dir", str(folder / "ca"), "--secure-listen", "127.0.0.1:0")
    with serving(config, folder / "log", *more, "--oidc-issuer", f"{NAME}={folder}/keys.json") as server:
        (started,) = server.wait_for("serving")
        yield Secure(server, folder / "ca", str(started["secure_xds"]))


def authority(plane: Secure) -> CertificateAuthority:
    return open_authority(plane.folder, TRUST_DOMAIN)


def join_token(plane: Secure) -> str:
    return authority(plane).join_tokens.create(REVIEWS, timedelta(minutes=10), datetime.now(UTC))


@asynccontextmanager
async def known_as(plane: Secure, identity: SpiffeId) -> AsyncIterator[aio.Channel]:
    """A channel of somebody with a certificate for this identity."""
    svid = keyed_svid(authority(plane), identity)
    async with plane.channel(svid.key, svid.chain) as channel:
        yield channel


def node(kind: str = "sidecar", labels: Mapping[str, str] | None = None, **metadata: str) -> Node:
    """What a proxy says of itself."""
    fields = Struct()
    fields.update({**metadata, "LABELS": dict(labels or {})})
    return Node(id=f"{kind}~127.0.0.1~reviews-1.default~default.svc.cluster.local", metadata=fields)


Ended = tuple[str, str]
"""Status and details with which a stream ends."""


async def ends(channel: aio.Channel, who: Node, proof: str = "") -> list[Ended]:
    """How the server ends a stream of either variant that begins with this node."""
    metadata = [("authorization", f"Bearer {proof}")] if proof else []
    found = []
    async with SotwStream(channel, SOTW, DiscoveryResponse.FromString, metadata) as stream:
        await stream.request(SECRET, *NAMES, who=who)
        found.append(await stream.end_status())
    async with DeltaStream(channel, DELTA, DeltaDiscoveryResponse.FromString, metadata) as other:
        await other.request(SECRET, NAMES, who=who)
        found.append(await other.end_status())
    return found


async def secrets(channel: aio.Channel, who: Node, *more: str, aggregated: bool = True) -> list[dict[str, Secret]]:
    """What a stream of either variant is given of the names that are asked for, and of all. more: names."""
    names = (*NAMES, *more, "*")
    by_sotw, by_delta = (SOTW, DELTA) if aggregated else (f"{SDS}/StreamSecrets", f"{SDS}/DeltaSecrets")
    async with SotwStream(channel, by_sotw, DiscoveryResponse.FromString) as stream:
        await stream.request(SECRET, *names, who=who)
        found = [_read(each.value for each in (await stream.receive()).resources)]
    async with DeltaStream(channel, by_delta, DeltaDiscoveryResponse.FromString) as other:
        await other.request(SECRET, names, who=who)
        found.append(_read(each.resource.value for each in (await other.receive()).resources))
    return found


def _read(encoded: Iterable[bytes]) -> dict[str, Secret]:
    return {secret.name: secret for secret in map(Secret.parse, encoded)}


def shown(**changes: object) -> str:
    """A service account's token that holds now."""
    return token(**{"exp": time.time() + 600, "nbf": time.time() - 1, **changes})  # type: ignore[arg-type]  # of any kind


# Signing requests


@pytest.mark.parametrize(
    "other", [RATINGS, ELSEWHERE, SpiffeId.of_workload("other.example", "default", "reviews")], ids=str
)
async def test_a_request_for_another_identity_is_refused_whatever_proves_the_caller(
    plane: Secure, other: SpiffeId
) -> None:
    before = len(plane.audit())
    async with plane.channel() as nobody, known_as(plane, REVIEWS) as known:
        for channel, proof in ((nobody, join_token(plane)), (nobody, shown()), (known, "")):
            with pytest.raises(aio.AioRpcError) as caught:
                await sign(channel, request(str(other)), proof)
            assert code(caught)[0] == "INVALID_ARGUMENT"
    assert len(plane.audit()) == before


def _by_another_key() -> str:
    return shown(key=OTHER)


def _without_signature() -> str:
    return f"{shown().rpartition('.')[0]}."


def _by_no_algorithm() -> str:
    return jwt.encode(jwt.decode(shown(), options={"verify_signature": False}), "", "none", headers={"kid": "ec"})


def _of_another_account() -> str:
    """The signature of one token under the claims of another."""
    header, _, signature = shown().split(".")
    return ".".join((header, shown(sub="system:serviceaccount:default:ratings").split(".")[1], signature))


FORGED: Mapping[str, Callable[[], str]] = {
    "signed by another key": _by_another_key,
    "not signed": _without_signature,
    "with the algorithm none": _by_no_algorithm,
    "with other claims than were signed": _of_another_account,
    "expired": lambda: shown(exp=time.time() - 600),
    "not yet valid": lambda: shown(nbf=time.time() + 600),
    "for another audience": lambda: shown(aud="vault"),
    "of an issuer whom nobody believes": lambda: shown(iss="https://elsewhere"),
    "for no service account": lambda: shown(sub="admin"),
    "neither a JWT nor a join token": lambda: "x" * 300,
}


@pytest.mark.parametrize("made", FORGED.values(), ids=FORGED)
async def test_a_token_that_is_not_to_be_believed_proves_nothing(plane: Secure, made: Callable[[], str]) -> None:
    proof = made()
    async with plane.channel() as channel:
        with pytest.raises(aio.AioRpcError) as caught:
            await sign(channel, request(), proof)
        assert code(caught)[0] == "UNAUTHENTICATED"
        assert {status for status, _ in await ends(channel, node(), proof)} == {"UNAUTHENTICATED"}
    assert proof not in plane.server.log.read_text()


async def test_a_join_token_that_was_used_proves_nothing_more(plane: Secure) -> None:
    proof = join_token(plane)
    async with plane.channel() as channel:
        assert await sign(channel, request(), proof)
        with pytest.raises(aio.AioRpcError) as caught:
            await sign(channel, request(), proof)
        assert code(caught)[0] == "UNAUTHENTICATED"
        assert {status for status, _ in await ends(channel, node(), proof)} == {"UNAUTHENTICATED"}


@pytest.mark.parametrize("audience", ["istio-ca", "bank"])
async def test_a_jwt_svid_is_believed_for_the_authority_alone_and_proves_its_own_identity(
    plane: Secure, audience: str
) -> None:
    proof = authority(plane).sign_token(RATINGS, [audience]).text
    async with plane.channel() as channel:
        if audience == "istio-ca":
            assert await sign(channel, request(str(RATINGS)), proof)
        with pytest.raises(aio.AioRpcError) as caught:
            await sign(channel, request(str(REVIEWS)), proof)
        assert code(caught)[0] == ("INVALID_ARGUMENT" if audience == "istio-ca" else "UNAUTHENTICATED")


# Certificates


def _namesake(plane: Secure) -> tuple[bytes, bytes]:
    """By an authority that calls itself as ours does."""
    elsewhere = open_authority(plane.folder.parent / "namesake", TRUST_DOMAIN)
    svid = keyed_svid(elsewhere, REVIEWS)
    return svid.key, svid.chain


def _self_signed(plane: Secure) -> tuple[bytes, bytes]:
    issued = Authority("reviews").issue("reviews", str(REVIEWS))
    return issued.key_pem.encode(), issued.chain.encode()


def _signed(plane: Secure, identity: SpiffeId, *, age: timedelta = timedelta()) -> tuple[bytes, bytes]:
    """By our own authority's key, which would never sign this."""
    key, signer = ec.generate_private_key(ec.SECP256R1()), authority(plane).active
    now, serial = datetime.now(UTC) - age, x509.random_serial_number()
    leaf = profile.workload(
        identity, key.public_key(), signer.issuing, now=Moment.at(now), life=timedelta(minutes=5), serial=serial
    )
    return key_pem(key), certificates_pem((leaf, *signer.chain))


Shown = Callable[[Secure], tuple[bytes, bytes]]

NOT_OURS: Mapping[str, Shown] = {
    "of another authority with our name": _namesake,
    "self-signed": _self_signed,
    "expired": lambda plane: _signed(plane, REVIEWS, age=timedelta(hours=1)),
}


@pytest.mark.parametrize("made", NOT_OURS.values(), ids=NOT_OURS)
async def test_a_certificate_that_is_not_ours_or_over_opens_no_connection(plane: Secure, made: Shown) -> None:
    async with plane.channel(*made(plane)) as channel:
        with pytest.raises(aio.AioRpcError) as caught:
            await sign(channel, request())
        assert code(caught)[0] == "UNAVAILABLE"


@pytest.mark.parametrize(
    "identity",
    [SpiffeId.of_workload("other.example", "default", "reviews"), SpiffeId(TRUST_DOMAIN, "/reviews")],
    ids=["of another trust domain", "of no workload"],
)
async def test_a_name_that_is_none_of_a_workload_of_ours_proves_nothing(plane: Secure, identity: SpiffeId) -> None:
    """As an authority could sign that is plugged in, and serves others too."""
    async with plane.channel(*_signed(plane, identity)) as channel:
        with pytest.raises(aio.AioRpcError) as caught:
            await sign(channel, request())
        assert code(caught)[0] == "UNAUTHENTICATED"
        assert {status for status, _ in await ends(channel, node())} == {"UNAUTHENTICATED"}


async def test_a_token_beside_a_certificate_makes_nobody_somebody_else(plane: Secure) -> None:
    async with known_as(plane, RATINGS) as channel:
        with pytest.raises(aio.AioRpcError) as caught:
            await sign(channel, request(str(REVIEWS)), shown())
        assert code(caught)[0] == "INVALID_ARGUMENT"


# Nodes


@pytest.mark.parametrize(
    "who",
    [
        node(NAMESPACE="default", SERVICE_ACCOUNT="ratings"),
        node(NAMESPACE="elsewhere"),
        node(NAMESPACE="elsewhere", SERVICE_ACCOUNT="reviews"),
        Node(id="sidecar~127.0.0.1~reviews-1.elsewhere~elsewhere.svc.cluster.local"),
        node("router", {"istio": "front"}, NAMESPACE="istio-system"),
    ],
    ids=["another account", "another namespace", "the same account there", "in the id alone", "a gateway of the root"],
)
async def test_a_node_is_what_was_proven_or_is_not_served(plane: Secure, who: Node) -> None:
    async with known_as(plane, REVIEWS) as channel:
        assert {status for status, _ in await ends(channel, who)} == {"PERMISSION_DENIED"}
    async with plane.channel() as channel:
        assert {status for status, _ in await ends(channel, who, shown())} == {"PERMISSION_DENIED"}


async def test_who_a_stream_is_of_is_settled_by_its_first_request(plane: Secure) -> None:
    async with known_as(plane, REVIEWS) as channel, SotwStream(channel, SOTW, DiscoveryResponse.FromString) as stream:
        await stream.request(CLUSTER, who=node(NAMESPACE="default"))
        await stream.receive()
        await stream.request(SECRET, *NAMES, who=node(NAMESPACE="elsewhere", SERVICE_ACCOUNT="reviews"))
        given = _read(each.value for each in (await stream.receive()).resources)
        assert holder(given["default"]) == [str(REVIEWS)]
        assert str(ELSEWHERE) not in given


# Secrets


@pytest.mark.parametrize("aggregated", [True, False], ids=["ADS", "SDS"])
async def test_no_name_gives_the_secrets_of_another_identity(plane: Secure, aggregated: bool) -> None:
    for identity in (REVIEWS, RATINGS):
        async with known_as(plane, identity) as channel:
            for given in await secrets(channel, node(NAMESPACE="default"), aggregated=aggregated):
                assert given.keys() == {"default", "ROOTCA", "ALL", str(identity), f"spiffe://{TRUST_DOMAIN}"}
                assert holder(given["default"]) == holder(given[str(identity)]) == [str(identity)]


async def test_a_credential_is_for_gateways_of_its_namespace(plane: Secure) -> None:
    front = {"istio": "front"}
    async with known_as(plane, REVIEWS) as channel:
        for given in await secrets(channel, node("router", front, NAMESPACE="default"), FRONT):
            assert FRONT in given
        for given in await secrets(channel, node(labels=front, NAMESPACE="default"), FRONT):
            assert FRONT not in given
    async with known_as(plane, ELSEWHERE) as channel:
        for given in await secrets(channel, node("router", front, NAMESPACE="elsewhere"), FRONT):
            assert FRONT not in given
        assert {status for status, _ in await ends(channel, node("router", front))} == {"PERMISSION_DENIED"}
