"""Fact 4 with a real Envoy: a listener whose TLS is changed serves at once with the secret that it had already."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from envoy_data_plane.envoy.config.core.v3 import (
    AggregatedConfigSource,
    ConfigSource,
    DataSource,
    TransportSocket,
)
from envoy_data_plane.envoy.config.listener.v3 import Listener
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import (
    CommonTlsContext,
    DownstreamTlsContext,
    SdsSecretConfig,
    Secret,
    TlsCertificate,
)
from envoy_data_plane.google.protobuf import Any

from tests.features.client import Fixture
from tests.features.envoy import backend, cluster, endpoints, listener, route, running_envoy
from xds.pipeline.translator import resource_of
from xds.resources import SECRET, Reference, Resource
from xds.wire.encode import encode

IPS = {"GRPC": "127.77.39.1", "DELTA_GRPC": "127.77.39.2"}

CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBdTCCARugAwIBAgIUEK/iZZvPDtsgUhujDS6SCuL0zqgwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjYyMjQ5NTdaGA8yMTI2MTEwMjIyNDk1
N1owDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABAmK
VtDVqFrnoNlMpqnWDL7yNLSTdgDI0vhaQM0X2dlayNBYhukV20PeLGfwEj7cMYIz
6FJmD1BMQuM4RB0mp7+jUzBRMB0GA1UdDgQWBBQCN3EC4c2ECNWigGGrI8Ylvicf
PjAfBgNVHSMEGDAWgBQCN3EC4c2ECNWigGGrI8YlvicfPjAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0gAMEUCIQDix5l5Q6gn2LOt/sXo50Lep75nRamczy7l
FI+l4e5usAIgTLDTW5zLpCSxh8XS2hfCqlWPkq47+sj0y4m3SDhldnY=
-----END CERTIFICATE-----
"""
KEY = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg3pRSdpN2xKcGjerN
TXfSj26lPARJpFy0GviSekOo0L6hRANCAAQJilbQ1aha56DZTKap1gy+8jS0k3YA
yNL4WkDNF9nZWsjQWIbpFdtD3ixn8BI+3DGCM+hSZg9QTELjOEQdJqe/
-----END PRIVATE KEY-----
"""
"""Of nobody: for this test alone."""


def secret() -> Resource:
    certificate = TlsCertificate(
        certificate_chain=DataSource(inline_string=CERTIFICATE), private_key=DataSource(inline_string=KEY)
    )
    return resource_of(Secret(name="certificate", tls_certificate=certificate))


def tls_listener(ip: str, fetch_timeout: int) -> Resource:
    """Each time-out gives a listener of its own, with the same secret."""
    source = ConfigSource(ads=AggregatedConfigSource(), initial_fetch_timeout=timedelta(seconds=fetch_timeout))
    config = SdsSecretConfig(name="certificate", sds_config=source)
    context = DownstreamTlsContext(common_tls_context=CommonTlsContext(tls_certificate_sds_secret_configs=[config]))
    url = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
    message = Listener.parse(listener("web", ip, 8443, "web").body)
    message.filter_chains[0].transport_socket = TransportSocket(name="tls", typed_config=Any(url, encode(context)))
    return resource_of(message)


@pytest.mark.parametrize("api_type", IPS)
async def test_fact04_a_changed_listener_has_its_certificate_at_once(
    xds: Fixture, tmp_path: Path, api_type: str
) -> None:
    ip = IPS[api_type]
    rest = cluster("v1"), endpoints("v1", [(ip, 8001)]), route("web", "v1"), secret()
    xds.publish(tls_listener(ip, 15), *rest)
    async with backend(ip, 8001, "v1"), running_envoy(tmp_path, ip, xds.port, api_type) as running:
        await running.ready()
        for fetch_timeout in (600, 601, 602):
            xds.publish(tls_listener(ip, fetch_timeout), *rest)
            async with asyncio.timeout(10):
                while xds.board.streams[0].snapshot is not xds.source.latest():  # noqa: ASYNC110 - read, wakes nobody
                    await asyncio.sleep(0.01)
            async with running.http.get(f"https://{ip}:8443/", ssl=False) as response:
                assert (response.status, await response.text()) == (200, "v1")
        assert await running.stat("listener_manager.total_listeners_warming") == 0
        assert xds.board.streams[0].types[SECRET].nack is None


def test_fact04_a_listener_refers_to_its_secret() -> None:
    assert Reference(SECRET, "certificate") in tls_listener("127.0.0.1", 15).references
