"""Classes and type URLs."""

from __future__ import annotations

import subprocess
import sys

import pytest
from betterproto2 import Message
from envoy_data_plane.envoy.config.cluster.v3 import Cluster, ClusterDiscoveryType
from envoy_data_plane.envoy.config.core.v3 import HealthCheckHttpHealthCheck

from xds.wire.registry import UnknownTypeError, message_class, type_url

from .catalogue import message_classes


def test_a_type_url_has_the_full_name_of_the_proto_message() -> None:
    assert type_url(Cluster) == "type.googleapis.com/envoy.config.cluster.v3.Cluster"
    nested = "type.googleapis.com/envoy.config.core.v3.HealthCheck.HttpHealthCheck"
    assert type_url(HealthCheckHttpHealthCheck) == nested


def test_only_the_part_after_the_last_slash_counts() -> None:
    assert message_class("example.com/some/path/envoy.config.cluster.v3.Cluster") is Cluster
    assert message_class("envoy.config.cluster.v3.Cluster") is Cluster


def test_every_class_is_found_by_its_type_url() -> None:
    assert [message_class(type_url(cls)) for cls in message_classes()] == list(message_classes())


@pytest.mark.parametrize(
    "url",
    [
        "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
        "type.googleapis.com/envoy.extensions.filters.http.aws_lambda.v3.Config.Nothing",
        "type.googleapis.com/xds.type.v3.CelExpression",
        "type.googleapis.com/udpa.annotations.StatusAnnotation",
        "type.googleapis.com/google.rpc.Status",
    ],
)
def test_a_class_is_found_before_anything_has_imported_it(url: str) -> None:
    """In a process of its own: here other tests have imported the whole package."""
    code = (
        "import sys; from xds.wire.registry import *\n"
        "try: print(type_url(message_class(sys.argv[1])))\n"
        "except UnknownTypeError: print('unknown')"
    )
    command = [sys.executable, "-c", code, url]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    assert found == ("unknown" if url.endswith("Nothing") else url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "type.googleapis.com/",
        "type.googleapis.com/envoy.config.cluster.v3.Missing",
        "type.googleapis.com/envoy.config.cluster.v99.Cluster",
        "type.googleapis.com/acme.v1.Filter",
        "type.googleapis.com/..os.Path",
        "type.googleapis.com/message_pool.MessagePool",
    ],
)
def test_unknown_types(url: str) -> None:
    with pytest.raises(UnknownTypeError):
        message_class(url)


def test_classes_of_others_have_no_type_url() -> None:
    class Mine(Message):
        pass

    with pytest.raises(UnknownTypeError, match="Mine is not a message of envoy-data-plane"):
        type_url(Mine)
    with pytest.raises(UnknownTypeError):
        type_url(ClusterDiscoveryType)  # type: ignore[arg-type]  # an enum is the mistake under test
