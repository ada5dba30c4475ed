"""The rules as text: what is replaced and removed. What they do is told by traffic, in e2e/capture."""

from __future__ import annotations

import pytest

from xds.agent.capture import NO_RULES, CaptureSettings, Family, installed, installing, removing

OF_OTHERS = """\
*nat
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER_OUTPUT - [0:0]
-A OUTPUT -d 127.0.0.11/32 -j DOCKER_OUTPUT
COMMIT
"""
OURS = """\
:PILOTHOUSE_INBOUND - [0:0]
:PILOTHOUSE_OUTBOUND - [0:0]
-A PREROUTING -p tcp -j PILOTHOUSE_INBOUND
-A OUTPUT -p tcp -j PILOTHOUSE_OUTBOUND
-A PILOTHOUSE_INBOUND -p tcp -j REDIRECT --to-ports 15006
-A PILOTHOUSE_OUTBOUND -p tcp -j REDIRECT --to-ports 15001
COMMIT
"""
BOTH = OF_OTHERS.removesuffix("COMMIT\n") + OURS


def test_rules_of_others_are_none_of_ours() -> None:
    assert installed(OF_OTHERS) == NO_RULES


def test_ours_are_found_among_them() -> None:
    found = installed(BOTH)

    assert found.chains == ("PILOTHOUSE_INBOUND", "PILOTHOUSE_OUTBOUND")
    assert len(found.lines) == 4
    assert found.jumps == (
        "-A PREROUTING -p tcp -j PILOTHOUSE_INBOUND",
        "-A OUTPUT -p tcp -j PILOTHOUSE_OUTBOUND",
    )


def test_what_was_there_is_replaced_in_one_transaction() -> None:
    lines = installing(CaptureSettings(), Family.IPV4, installed(BOTH)).splitlines()

    assert (lines[0], lines[-1], lines.count("COMMIT")) == ("*nat", "COMMIT", 1)
    gone = lines.index("-D PREROUTING -p tcp -j PILOTHOUSE_INBOUND")
    assert gone < lines.index("-A PREROUTING -p tcp -j PILOTHOUSE_INBOUND")
    assert not any("DOCKER" in line for line in lines)


def test_everything_of_ours_is_removed() -> None:
    assert removing(installed(BOTH)).splitlines() == [
        "*nat",
        "-D PREROUTING -p tcp -j PILOTHOUSE_INBOUND",
        "-D OUTPUT -p tcp -j PILOTHOUSE_OUTBOUND",
        "-F PILOTHOUSE_INBOUND",
        "-F PILOTHOUSE_OUTBOUND",
        "-X PILOTHOUSE_INBOUND",
        "-X PILOTHOUSE_OUTBOUND",
        "COMMIT",
    ]


@pytest.mark.parametrize("count", [1, 15, 16, 40])
def test_as_many_ports_as_are_wanted_are_excluded(count: int) -> None:
    ports = tuple(range(1000, 1000 + count))
    rules = installing(CaptureSettings(exclude_outbound_ports=ports), Family.IPV4).splitlines()
    excluded = [line.split("--dports ")[1].split()[0] for line in rules if "OUTBOUND" in line and "--dports" in line]

    assert [int(port) for some in excluded for port in some.split(",")] == list(ports)
    assert all(len(some.split(",")) <= 15 for some in excluded)
