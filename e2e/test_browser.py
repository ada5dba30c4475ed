"""What is said where no browser is installed."""

from __future__ import annotations

import pytest

from e2e.browser import chromium


def test_a_missing_browser_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("CHROMIUM", raising=False)
    with pytest.raises(pytest.fail.Exception, match="apt-get install --no-install-recommends chromium"):
        chromium()
