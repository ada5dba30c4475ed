"""Which proxies a translator is for."""

from __future__ import annotations

from collections.abc import Iterable
from functools import wraps

from xds.model.view import ProxyView
from xds.pipeline import Contribution, Memo, Translator


def for_envoys(*translators: Translator) -> tuple[Translator, ...]:
    """The same translators, without a contribution to gRPC clients."""
    return tuple(_only(translator, proxyless=False) for translator in translators)


def for_grpc_clients(*translators: Translator) -> tuple[Translator, ...]:
    """The same translators, without a contribution to Envoys."""
    return tuple(_only(translator, proxyless=True) for translator in translators)


def _only(translator: Translator, *, proxyless: bool) -> Translator:
    @wraps(translator)
    def translate(view: ProxyView, memo: Memo, /) -> Iterable[Contribution]:
        return translator(view, memo) if view.key.proxyless is proxyless else ()

    return translate
