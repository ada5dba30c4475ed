"""Plain YAML scalars to values, by the YAML 1.2 core schema, with Kubernetes' caution about leading zeros.

``on``, ``yes``, ``012``, ``1:30``, ``1_000`` and ``2020-01-01`` are text. Only null, ``~`` and nothing at all are None;
only true and false (also capitalised) are booleans.
"""

from __future__ import annotations

import re

_WORDS: dict[str, object] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
NOT_NAMES = frozenset(text for text, value in _WORDS.items() if not isinstance(value, float))
"""The plain scalars that are null or a boolean, and so cannot be a field's name."""

_NUMBER_STARTS = frozenset("0123456789+-.")
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,63})")
_BASED = re.compile(r"0(?:o[0-7]{1,64}|x[0-9a-fA-F]{1,64})")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


def resolve_plain(text: str) -> object:
    """The value of an unquoted scalar: None, bool, int, float or, for everything else, the text itself."""
    if text in _WORDS:
        return _WORDS[text]
    return _resolve_number(text) if text[0] in _NUMBER_STARTS else text


def _resolve_number(text: str) -> object:
    if _INTEGER.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    return float(text) if _FLOAT.fullmatch(text) else text


_TAGGED: dict[str, tuple[type, ...]] = {
    "tag:yaml.org,2002:int": (int,),
    "tag:yaml.org,2002:float": (float, int),
    "tag:yaml.org,2002:bool": (bool,),
    "tag:yaml.org,2002:null": (type(None),),
}


def resolve_tagged(text: str, tag: str) -> object:
    """The value of a scalar with an explicit tag.

    :raises ValueError: the tag is not one of YAML's core schema, or the text is not of that type.
    """
    if tag in ("!", "tag:yaml.org,2002:str"):
        return text
    value = resolve_plain(text)
    if type(value) not in _TAGGED.get(tag, ()):
        raise ValueError(f"{text!r} cannot be read with the tag {short_tag(tag)}")
    return float(value) if tag.endswith(":float") and isinstance(value, int) else value


def short_tag(tag: str) -> str:
    """A tag as users write it: ``!!int``."""
    return tag.replace("tag:yaml.org,2002:", "!!")
