"""Runs ``iptables-save`` and ``iptables-restore``, of whichever backend (legacy or nft) the machine has chosen."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from xds.agent.capture.rules import Family, Installed, installed

_PROGRAMS: Final = {Family.IPV4: "iptables", Family.IPV6: "ip6tables"}
_LOCK_SECONDS: Final = 10
"""How long others, who change tables at the same time, are waited for."""
_TIMEOUT_SECONDS: Final = 30


class NetfilterError(Exception):
    """Rules could not be read or written; says what to do."""


@dataclass(frozen=True, slots=True)
class Netfilter:
    """The table ``nat`` of one version of the Internet Protocol, in the network namespace of this process.

    backend: ``nft`` or ``legacy``; empty for what the machine has chosen.
    """

    family: Family
    backend: str = ""

    def installed(self) -> Installed:
        """What of ours is there. Raises NetfilterError."""
        return installed(self._run("save", ("-t", "nat")))

    def restore(self, rules: str) -> None:
        """Puts a transaction in force as a whole. Raises NetfilterError, and then nothing has changed."""
        self._run("restore", ("--noflush", "--wait", str(_LOCK_SECONDS)), rules)

    def program(self, verb: str) -> str:
        """``iptables-restore``, ``ip6tables-nft-save`` and so on."""
        backend = f"-{self.backend}" if self.backend else ""
        return f"{_PROGRAMS[self.family]}{backend}-{verb}"

    def _run(self, verb: str, arguments: Sequence[str], text: str = "") -> str:
        name = self.program(verb)
        path = find_program(name, "iptables")
        try:
            done = subprocess.run(  # noqa: S603 - a fixed program; the rules are built from checked values
                (path, *arguments), input=text, capture_output=True, text=True, check=False, timeout=_TIMEOUT_SECONDS
            )
        except subprocess.TimeoutExpired as error:
            raise NetfilterError(f"{name} has not answered for {_TIMEOUT_SECONDS} s") from error
        if done.returncode:
            raise NetfilterError(_explained(name, done.stderr.strip()))
        return done.stdout


def find_program(name: str, package: str) -> str:
    """Where a program is, also in the folders that only root's path has. Raises NetfilterError, with what to do."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
    found = shutil.which(name, path=path)
    if found is None:
        raise NetfilterError(f"{name} is not there: install {package} (apt-get install {package})")
    return found


def has_ipv6() -> bool:
    """Whether this network namespace may speak IPv6, which containers often may not: addresses can come at any time."""
    try:
        return Path("/proc/sys/net/ipv6/conf/lo/disable_ipv6").read_text().strip() == "0"
    except FileNotFoundError:  # a kernel without it
        return False


def _explained(name: str, said: str) -> str:
    hint = ""
    if "ermission denied" in said or "must be root" in said:
        hint = ": needs root, or CAP_NET_ADMIN and CAP_NET_RAW"
    elif "owner" in said:
        hint = ": the kernel has to have the netfilter match `owner` (module xt_owner)"
    return f"{name}: {said or 'failed without a word'}{hint}"
