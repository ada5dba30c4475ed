"""Memory that is given back."""

from __future__ import annotations

import subprocess
import sys

from xds.agent.memory import code_of

MAPS = """\
55e0-55f0 r--p 00000000 fe:00 7 /usr/bin/python3
55f0000-55f3000 r-xp 00010000 fe:00 7 /usr/bin/python3
7f00-7f10 rw-p 00000000 00:00 0
7f20-7f30 r-xp 00000000 00:00 0 [vdso]
7f40-7f50 rwxp 00000000 fe:00 9 /tmp/jit
"""
MEASURE = """
import cryptography.x509, grpc.aio
from xds.agent.memory import give_back
def resident():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS"))
before = resident()
give_back()
after = resident()
grpc.aio.server()  # it still works
cryptography.x509.random_serial_number()
print(before - after)
"""


def test_only_code_from_files_is_meant() -> None:
    assert list(code_of(MAPS)) == [(0x55F0000, 0x3000)]


def test_what_is_given_back_is_there_again_when_it_is_used() -> None:
    run = subprocess.run([sys.executable, "-c", MEASURE], check=True, capture_output=True, text=True)
    assert int(run.stdout) > 5_000
