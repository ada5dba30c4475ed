"""Transparent capture: netfilter rules that lead a workload's traffic through the Envoy beside it.

``settings`` says what is captured and ``annotations`` reads it in Istio's names; ``rules`` writes the rules (all pure).
``netfilter`` is the only file that runs a program.
"""

from xds.agent.capture.annotations import ANNOTATION_PREFIX, Wanted, parse_annotation, wanted
from xds.agent.capture.netfilter import Netfilter, NetfilterError, has_ipv6
from xds.agent.capture.rules import NO_RULES, Family, Installed, installed, installing, removing
from xds.agent.capture.settings import EVERY, CaptureSettings
from xds.agent.capture.source_address import add_source_address, remove_source_address

__all__ = [
    "ANNOTATION_PREFIX",
    "EVERY",
    "NO_RULES",
    "CaptureSettings",
    "Family",
    "Installed",
    "Netfilter",
    "NetfilterError",
    "Wanted",
    "add_source_address",
    "has_ipv6",
    "installed",
    "installing",
    "parse_annotation",
    "remove_source_address",
    "removing",
    "wanted",
]
