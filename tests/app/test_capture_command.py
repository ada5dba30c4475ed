"""``pilothouse capture`` where nothing is changed: what it prints, and what it refuses."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from xds.app.cli import app

RUNNER = CliRunner()


def run(*arguments: str) -> tuple[int, str]:
    result = RUNNER.invoke(app, ["capture", "apply", "--dry-run", *arguments])
    return result.exit_code, result.output


def test_the_rules_are_printed_for_both_versions() -> None:
    code, output = run("--ip", "both", "--exclude-outbound-ports", "3306", "--backend", "nft")

    assert code == 0
    assert "# iptables-nft-restore --noflush\n*nat\n" in output
    assert "# ip6tables-nft-restore --noflush\n*nat\n" in output
    assert output.count("-A PILOTHOUSE_OUTBOUND -p tcp -m multiport --dports 3306 -j RETURN") == 2


def test_whoever_names_a_user_does_not_mean_a_group_besides() -> None:
    _, output = run("--proxy-uid", "4711")

    assert "--uid-owner 4711" in output
    assert "1337" not in output


def test_an_option_counts_more_than_an_annotation() -> None:
    _, output = run("--annotation", "traffic.sidecar.istio.io/excludeOutboundPorts=1", "--exclude-outbound-ports", "2")

    assert "--dports 2 -j RETURN" in output
    assert "--dports 1 " not in output


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("--exclude-inbound-ports", "http", "'http' is no port"),
        ("--include-outbound-ip-ranges", "10.0.0.0/99", "neither an address nor a range"),
        ("--annotation", "sidecar.istio.io/inject=true", "is none of"),
        ("--outbound-port", "0", "should be greater than or equal to 1"),
    ],
)
def test_wrong_usage_says_what_is_wrong(option: str, value: str, reason: str) -> None:
    code, output = run(option, value)

    assert code == 2
    assert reason in " ".join(output.replace("│", " ").split())
