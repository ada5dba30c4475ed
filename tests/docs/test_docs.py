"""The docs say what the code does: generated pages are current, links lead somewhere, shown code is the code."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from translators import DEFAULT
from xds.app.cli import app
from xds.app.offline import Offline
from xds.app.proxy_spec import ProxySpec
from xds.model.settings import MeshSettings
from xds.sources.batch import Batch

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*/README.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_to_files_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_example_of_explain_prints_what_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "explain.md").read_text()
    rules, command, shown = (re.search(rf"```{kind}\n(.*?)```", page, re.DOTALL) for kind in ("yaml", "sh", "text"))
    assert rules is not None
    assert command is not None
    assert shown is not None
    shutil.copytree(ROOT / "examples" / "bookinfo" / "mesh", tmp_path / "mesh")
    (tmp_path / "mesh" / "virtual-service-reviews.yaml").write_text(rules.group(1))
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, shlex.split(command.group(1))[1:])

    assert result.stdout == shown.group(1)


def test_the_recipe_of_rate_limiting_finds_what_it_changes() -> None:
    page = (ROOT / "docs" / "envoy-filter.md").read_text()
    (recipe,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    head = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n"
    service = f"{head}spec: {{selector: {{app: web}}, ports: [{{port: 80, name: http}}]}}"
    offline = Offline(MeshSettings(), DEFAULT)
    offline.take(Batch({"recipe.yaml": recipe, "service.yaml": service}))
    rendered = offline.render(ProxySpec("web", "default", "10.0.0.1", labels={"app": "web"}))

    assert [found for found in offline.findings if found.origin.file == "recipe.yaml"] == []
    assert str(rendered["listeners"]).count("http_local_rate_limiter") == 2


def test_the_translator_in_the_readme_is_the_one_in_the_example() -> None:
    shown = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert shown is not None
    assert shown.group(1) == (ROOT / "examples" / "custom_translator" / "translator.py").read_text()
