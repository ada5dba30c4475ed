"""The conditions of a filter chain, in words."""

from __future__ import annotations

from envoy_data_plane.envoy.config.listener.v3 import FilterChain, Listener

from xds.explain.decode import as_json, in_words


def described_chain(chain: FilterChain, listener: Listener) -> str:
    """``transport_protocol raw_buffer, ...``; that it is the default one; or that it takes everything."""
    if chain is listener.default_filter_chain:
        return "what no other filter chain matches"
    words = in_words(as_json(chain.filter_chain_match)) if chain.filter_chain_match is not None else ""
    return words or "every connection"
