"""Two control planes that read the same folder of configuration, and have one authority."""

from __future__ import annotations

import asyncio
import json
import signal
from dataclasses import dataclass

from e2e.agent.world import TRUST_DOMAIN
from e2e.lab import Lab
from xds.app.demo.processes import Child
from xds.app.demo.shop import fetch
from xds.app.security import open_authority
from xds.ca.service import CertificateAuthority

XDS_PORT, SECURE_PORT = 15010, 15012


@dataclass
class Pair:
    """Both, by their addresses. authority: of the folder that they use."""

    lab: Lab
    control_planes: dict[str, Child]
    authority: CertificateAuthority

    async def of(self, name: str) -> str:
        """The address of the one that a proxy gets its configuration from, whatever its agent is connected to."""
        for address, child in self.control_planes.items():
            if child.running:
                answer = await fetch(self.lab.session, f"http://{address}:15014/debug/syncz", {})
                if any(each["proxy"] == name and "cds" in each["types"] for each in json.loads(answer.body)):
                    return address
        raise AssertionError(f"{name} is not connected")

    async def run_both(self) -> None:
        """Starts whichever does not run."""
        for address, child in self.control_planes.items():
            if not child.running:
                await self.start(address)

    async def run_one(self) -> str:
        """Kills all but one; gives that one's address."""
        first, *others = [address for address, child in self.control_planes.items() if child.running]
        for address in others:
            await self.kill(address)
        return first

    async def kill(self, address: str) -> None:
        """SIGKILL."""
        self.control_planes[address].send(signal.SIGKILL)
        await self.control_planes[address].wait()

    async def start(self, address: str) -> None:
        """Starts one that was killed, where it was."""
        proxies_use = self.lab.control_plane
        self.control_planes[address] = await _serve(self.lab, address)
        self.lab.control_plane = proxies_use


async def start_pair(lab: Lab) -> Pair:
    """Starts both at once, on a folder of the authority that is not there yet."""
    addresses = lab.addresses.new(), lab.addresses.new()
    children = await asyncio.gather(*(_serve(lab, address) for address in addresses))
    return Pair(lab, dict(zip(addresses, children, strict=True)), open_authority(lab.folder / "ca", TRUST_DOMAIN))


async def _serve(lab: Lab, address: str) -> Child:
    secure = ("--ca-dir", str(lab.folder / "ca"), "--secure-listen", f"{address}:{SECURE_PORT}")
    return await lab.serve(*secure, address=address)
