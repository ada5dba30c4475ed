"""Network namespaces on one bridge, made for one test run and removed after it.

A socket belongs to the namespace in which it was opened, whoever uses it later. So applications live in the test's own
process, on sockets from `Namespace.open_socket`; only programs that are not ours run inside, by ``ip netns exec``.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import count
from pathlib import Path

_NAMED = Path("/run/netns")
_OWN_ETC = Path("/etc/netns")
_PREFIX = "pilothouse"
_CLONE_NEWNET = 0x40000000
_TUNSETIFF, _IFF_TAP, _IFF_NO_PI = 0x400454CA, 0x0002, 0x1000

GATEWAY = "10.77.0.1"
"""The bridge's own address, where whatever all the others talk to can listen."""

_NETWORK6 = "fd77::"
_numbers = count(1)
"""Of the networks that this process has made."""


def ipv6_of(ip: str) -> str:
    """The address of IPv6 that who has this one has besides."""
    return f"{_NETWORK6}{int(ip.rsplit('.', 1)[1]):x}"


class Namespace:
    """One network namespace: a host of its own."""

    def __init__(self, name: str, ip: str) -> None:
        self.name = name
        self.ip = ip
        self._inside = ThreadPoolExecutor(1, initializer=_enter, initargs=(name,))

    def command(self, *argv: str) -> tuple[str, ...]:
        """``argv``, run inside. It becomes the program: same process, same signals."""
        return ("ip", "netns", "exec", self.name, *argv)

    def open_socket(self, family: socket.AddressFamily = socket.AF_INET, uid: int | None = None) -> socket.socket:
        """A TCP socket of this namespace. uid: whose it is to be for the kernel, if not that of this process."""
        opening = socket.socket if uid is None else partial(_as_user, uid, socket.socket)
        return self._inside.submit(opening, family, socket.SOCK_STREAM).result()

    def open_raw_socket(self, protocol: int) -> socket.socket:
        """A socket that gets every frame of a protocol that passes any interface of this namespace."""
        return self._inside.submit(socket.socket, socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol)).result()

    def open_tap(self, name: str) -> int:
        """A file that is the other end of a new network card of this namespace: the frames that it sends and gets."""
        return self._inside.submit(_tap, name).result()

    def listen(self, port: int, family: socket.AddressFamily = socket.AF_INET) -> socket.socket:
        """A socket that listens on every address of this namespace, of one version of IP."""
        listening = self.open_socket(family)
        if family is socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("", port))
        listening.listen(128)
        listening.setblocking(False)
        return listening

    def run(self, *argv: str) -> str:
        """Runs a program inside, to its end, and returns what it printed. It has to succeed."""
        return _run(self.command(*argv))

    def name_hosts(self, hosts: Mapping[str, str]) -> None:
        """What ``/etc/hosts`` says to programs that are started inside from now on."""
        folder = _OWN_ETC / self.name
        folder.mkdir(parents=True)
        (folder / "hosts").write_text("".join(f"{ip} {name}\n" for name, ip in hosts.items()))

    def close(self) -> None:
        """Lets go of the namespace; open sockets still hold it."""
        self._inside.shutdown()


@contextmanager
def network(hosts: Mapping[str, str]) -> Iterator[Mapping[str, Namespace]]:
    """A namespace for each name in ``hosts`` at its address of 10.77.0.0/24, with one of fd77::/64 besides, and ``hub``
    with the bridge.

    Removes first what runs left behind that were killed.
    """
    remove_leftovers()
    number = next(_numbers)
    with ExitStack() as stack:
        hub = stack.enter_context(_namespace(number, "hub", GATEWAY))
        for command in (
            "link add bridge type bridge",
            f"addr add {GATEWAY}/24 dev bridge",
            f"addr add {ipv6_of(GATEWAY)}/64 dev bridge nodad",
            "link set bridge up",
        ):
            _ip(hub.name, command)
        members = {name: stack.enter_context(_namespace(number, name, ip)) for name, ip in hosts.items()}
        for number, member in enumerate(members.values()):
            _connect(hub, member, f"port{number}")
        yield {"hub": hub, **members}


@contextmanager
def _namespace(number: int, name: str, ip: str) -> Iterator[Namespace]:
    full_name = f"{_PREFIX}-{os.getpid()}-{number}-{name}"
    _run(("ip", "netns", "add", full_name))
    try:
        _ip(full_name, "link set lo up")
        namespace = Namespace(full_name, ip)
        try:
            yield namespace
        finally:
            namespace.close()
    finally:
        remove(full_name)


def _connect(hub: Namespace, member: Namespace, port: str) -> None:
    """Addresses of services are nobody's, but have to have a route before they can be redirected."""
    _ip(hub.name, f"link add {port} type veth peer name eth0 netns {member.name}")
    _ip(hub.name, f"link set {port} master bridge up")
    for command in (
        f"addr add {member.ip}/24 dev eth0",
        f"addr add {ipv6_of(member.ip)}/64 dev eth0 nodad",
        "link set eth0 up",
        f"route add default via {GATEWAY}",
        f"-6 route add default via {ipv6_of(GATEWAY)}",
    ):
        _ip(member.name, command)


def leftovers() -> list[str]:
    """Namespaces of test runs that are over."""
    return [name for name in _names("*") if not Path("/proc", name.split("-")[1]).exists()]


def leftovers_of(pid: int) -> list[str]:
    """Namespaces that a process has made."""
    return _names(str(pid))


def remove_leftovers() -> None:
    """Removes those of test runs that are over."""
    for name in leftovers():
        remove(name)


def _names(pid: str) -> list[str]:
    return [path.name for path in _NAMED.glob(f"{_PREFIX}-{pid}-*")]


def remove(name: str) -> None:
    """Removes a namespace, with all that is in it, and what programs in it were told."""
    _run(("ip", "netns", "delete", name))
    if (_OWN_ETC / name).exists():
        shutil.rmtree(_OWN_ETC / name)
        if not any(_OWN_ETC.iterdir()):
            _OWN_ETC.rmdir()


def _ip(namespace: str, command: str) -> None:
    _run(("ip", "-n", namespace, *command.split()))


def _run(argv: Sequence[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr.strip()}"
    return done.stdout


def _tap(name: str) -> int:
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TAP | _IFF_NO_PI))
    return tap


def _as_user(uid: int, opening: Callable[..., socket.socket], *arguments: int) -> socket.socket:
    """The kernel goes by the user for files (``setfsuid(2)``), which is a matter of this thread alone."""
    libc = ctypes.CDLL(None)
    before = libc.setfsuid(uid)
    try:
        return opening(*arguments)
    finally:
        libc.setfsuid(before)


def _enter(name: str) -> None:
    """Moves this thread, and no other, into a namespace (``setns(2)``)."""
    libc = ctypes.CDLL(None, use_errno=True)
    with (_NAMED / name).open() as file:
        if libc.setns(file.fileno(), _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {name}")
