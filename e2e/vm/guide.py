"""What docs/vm.md says to write and to type."""

from __future__ import annotations

import re
import shlex

from examples.bookinfo.topology import REPOSITORY

_PAGE = (REPOSITORY / "docs" / "vm.md").read_text()


def configuration() -> str:
    """What the control plane is told of machines of this kind."""
    (text,) = re.findall(r"```yaml\n(.*?)```", _PAGE, re.DOTALL)
    return str(text)


def user_and_files() -> str:
    """The commands that make the user, and by which what was brought gets its place."""
    (text,) = re.findall(r"```sh\n(useradd .*?)```", _PAGE, re.DOTALL)
    return str(text)


class Unit:
    """Of systemd."""

    def __init__(self, name: str) -> None:
        found = re.search(rf"`/etc/systemd/system/{name}\.service`:\n\n```ini\n(.*?)```", _PAGE, re.DOTALL)
        assert found is not None
        lines = found[1].replace("\\\n", " ").splitlines()
        self._values = dict(line.split("=", 1) for line in lines if "=" in line)

    def command(self, key: str) -> list[str]:
        """``ExecStart`` or ``ExecStop``."""
        return shlex.split(self._values[key])

    def folder(self, kind: str) -> tuple[str, str]:
        """A folder that systemd makes for its user, below where it makes those of this kind, and its mode."""
        return self._values[f"{kind}Directory"], self._values[f"{kind}DirectoryMode"]

    def rights(self) -> tuple[str, ...]:
        """Its user and its capabilities, as setpriv is told."""
        names = [name.removeprefix("CAP_").lower() for name in self._values["CapabilityBoundingSet"].split()]
        bounds = ("--bounding-set", ",".join(("-all", *(f"+{name}" for name in names))))
        if "User" not in self._values:
            return bounds
        owner = ("--reuid", self._values["User"], "--regid", self._values["Group"], "--clear-groups")
        return (*owner, "--inh-caps", "-all", *bounds)
