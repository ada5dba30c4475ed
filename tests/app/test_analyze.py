"""``pilothouse analyze`` as scripts see it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from xds.app.cli import app

WARNED = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec: {host: reviews}
"""
WRONG = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: other}
spec: {host: other, subset: []}
"""


def analyze(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["analyze", *map(str, arguments)])


def test_a_finding_is_a_line_with_code_object_file_line_and_remedy(tmp_path: Path) -> None:
    (tmp_path / "rule.yaml").write_text(WARNED)
    result = analyze(tmp_path)
    assert result.exit_code == 0
    assert result.stdout == (
        f"Warning [IST0174] (DestinationRule reviews.default {tmp_path}/rule.yaml:5) spec.host: no service has "
        "the host reviews.default.svc.cluster.local: this rule is for nothing. Correct the host, writing it "
        "in full if it is of another namespace, or declare the service.\n0 errors, 1 warnings, 0 infos\n"
    )


@pytest.mark.parametrize("output", ["text", "json"])
@pytest.mark.parametrize(
    ("text", "threshold", "code"),
    [(WARNED, "Error", 0), (WARNED, "Warning", 79), (WARNED, "info", 79), (WRONG, "Error", 79), ("a: [", "Error", 65)],
)
def test_the_exit_code_is_the_same_in_every_format(
    tmp_path: Path, output: str, text: str, threshold: str, code: int
) -> None:
    (tmp_path / "a.yaml").write_text(text)
    assert analyze(tmp_path, "-o", output, "--failure-threshold", threshold).exit_code == code


def test_json_has_the_keys_of_istioctl(tmp_path: Path) -> None:
    (tmp_path / "rule.yaml").write_text(WRONG)
    (finding,) = json.loads(analyze(tmp_path, "-o", "json").stdout)
    assert finding == {
        "code": "IST0106",
        "level": "Error",
        "origin": "DestinationRule other.default",
        "reference": f"{tmp_path}/rule.yaml:5",
        "path": "spec.subset",
        "message": finding["message"],
        "documentationUrl": "docs/analysis.md#ist0106",
    }
    assert "Correct the field." in finding["message"]


def test_nothing_to_say(tmp_path: Path) -> None:
    result = analyze(tmp_path)
    assert (result.exit_code, result.stdout) == (0, "no findings\n")
