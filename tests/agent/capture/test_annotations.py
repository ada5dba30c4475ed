"""What to capture, in the words of Istio's annotations."""

from __future__ import annotations

import shlex
from dataclasses import replace
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xds.agent.capture import EVERY, CaptureSettings, Family, Wanted, installing, parse_annotation, wanted

DEFAULT = CaptureSettings()
NAMES = (
    "includeInboundPorts",
    "excludeInboundPorts",
    "includeOutboundPorts",
    "excludeOutboundPorts",
    "includeOutboundIPRanges",
    "excludeOutboundIPRanges",
    "excludeInterfaces",
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("includeInboundPorts=*", DEFAULT),
        ("includeInboundPorts=", replace(DEFAULT, include_inbound_ports=())),
        ("includeInboundPorts=8080, 80,80", replace(DEFAULT, include_inbound_ports=(80, 8080))),
        ("traffic.sidecar.istio.io/excludeInboundPorts=22", replace(DEFAULT, exclude_inbound_ports=(22,))),
        ("includeOutboundPorts=*", replace(DEFAULT, include_outbound_ports=EVERY)),
        ("excludeOutboundPorts=3306", replace(DEFAULT, exclude_outbound_ports=(3306,))),
        (
            "includeOutboundIPRanges=10.0.0.1/8,fd00::/8",
            replace(DEFAULT, include_outbound_ip_ranges=(ip_network("10.0.0.0/8"), ip_network("fd00::/8"))),
        ),
        (
            "excludeOutboundIPRanges=10.1.2.3",
            replace(DEFAULT, exclude_outbound_ip_ranges=(ip_network("10.1.2.3/32"),)),
        ),
        ("excludeInterfaces=docker0,veth+", replace(DEFAULT, exclude_interfaces=("docker0", "veth+"))),
    ],
)
def test_annotations_say_what_is_captured(text: str, expected: CaptureSettings) -> None:
    assert wanted(DEFAULT, [parse_annotation(text)]) == expected


def test_of_two_the_later_counts() -> None:
    asked = map(parse_annotation, ["excludeInboundPorts=1", "excludeInboundPorts=2"])

    assert wanted(DEFAULT, asked).exclude_inbound_ports == (2,)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("excludeInboundPorts", "is not NAME=VALUE"),
        ("excludeInbound=1", "'excludeInbound' is none of excludeInboundPorts, "),
        ("excludeInboundPorts=0", "excludeInboundPorts: '0' is no port"),
        ("excludeInboundPorts=65536", "'65536' is no port"),
        ("excludeInboundPorts=*", r"'\*' is no port"),
        ("excludeInboundPorts=80-90", "'80-90' is no port"),
        ("excludeOutboundIPRanges=10.0.0.0/33", "'10.0.0.0/33' is neither an address nor a range"),
        ("excludeInterfaces=-j", "'-j' cannot be the name"),
        ("excludeInterfaces=a b", "'a b' cannot be the name"),
        ("excludeInterfaces=interface-of-more", "cannot be the name"),
    ],
)
def test_what_cannot_be_read_says_why(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        wanted(DEFAULT, [parse_annotation(text)])


@given(st.sampled_from(NAMES), st.text(max_size=40))
def test_nothing_that_is_accepted_can_become_another_rule(name: str, value: str) -> None:
    try:
        settings = wanted(DEFAULT, [Wanted(name, value)])
    except ValueError:
        return
    for family in Family:
        for line in installing(settings, family).splitlines():
            assert line.startswith(("*nat", ":PILOTHOUSE_", "-A ", "COMMIT"))
            assert shlex.split(line) == line.split(" ")
