"""The names of authorization policies in Envoy's configuration, which are Istio's, and what they stand for."""

from __future__ import annotations

import re
from typing import Final

from xds.model.objects import ObjectKey
from xds.resources import Source

_RULE: Final = re.compile(
    r"(?:istio-ext-authz-(?:[^\s,]+-)??)?ns\[(?P<namespace>[^]]*)\]-policy\[(?P<name>[^]]*)\]-rule\[(?P<rule>\d+)\]"
    r"(?P<unable>-deny-due-to-bad-CUSTOM-action)?"
)


def rule_of(policy: str) -> Source | None:
    """The rule that ``ns[NAMESPACE]-policy[NAME]-rule[N]`` stands for, whatever CUSTOM puts around it; None if it is no
    such name."""
    found = _RULE.fullmatch(policy)
    if found is None:
        return None
    key = ObjectKey("AuthorizationPolicy", found["namespace"], found["name"])
    return Source(key, ("spec", "rules", int(found["rule"])))


def renamed(text: str) -> str:
    """The text with ``NAME.NAMESPACE rule N`` in the place of such names."""
    return _RULE.sub(_words, text)


def _words(found: re.Match[str]) -> str:
    unable = " (whose provider cannot be asked)" if found["unable"] else ""
    return f"{found['name']}.{found['namespace']} rule {found['rule']}{unable}"
