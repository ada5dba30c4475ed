"""A certificate is replaced: new connections get the new one, and those that are open stay."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from e2e.credentials.front import GRPC, PORT, WEB, Front, KeptAlive, Talk, server, start, talking
from e2e.lab import Lab
from e2e.proofs import proves
from tests.certificates import Authority
from tests.documents import secret

ROOT = Authority("root")
ROUNDS = [ROOT.issue(f"round-{number}", WEB, GRPC) for number in range(4)]


@proves("Secret", "stringData")
@proves("Gateway", "spec.servers.tls.credentialName")
@pytest.mark.parametrize("api_type", ["DELTA_GRPC", "GRPC"])
async def test_no_connection_notices(lab: Lab, api_type: str) -> None:
    lab.api_type = api_type
    first, *later = ROUNDS
    lab.write("secret.yaml", secret("front", first))
    front = await start(lab, server("front", {"mode": "SIMPLE", "credentialName": "front"}, WEB, GRPC))
    await front.shows(first)
    async with KeptAlive(front).open() as kept, web_socket(front) as socket, talking(front) as talk:
        await all_answer(kept, socket, talk, "before")
        pushed = await pushes(front)
        for number, issued in enumerate(later):
            lab.write("secret.yaml", secret("front", issued))
            await front.shows(issued)
            await all_answer(kept, socket, talk, f"round {number}")
        assert await pushes(front) - pushed == {"sds": len(later)}
        assert kept.connections == 1
    assert await front.stat("listener_manager.listener_modified") == 0


async def test_what_is_no_credential_leaves_the_one_before_in_force(lab: Lab) -> None:
    first, second, *_ = ROUNDS
    lab.write("secret.yaml", secret("front", first))
    front = await start(lab, server("front", {"mode": "SIMPLE", "credentialName": "front"}, WEB, GRPC))
    await front.shows(first)
    async with KeptAlive(front).open() as kept, web_socket(front) as socket, talking(front) as talk:
        pushed = await pushes(front)
        lab.write("secret.yaml", secret("front", first).replace(first.key_pem[40:80], second.key_pem[40:80]))
        await told(front, "invalid-credential")
        await all_answer(kept, socket, talk, "broken")
        assert await front.shown() == first.certificate.serial_number
        assert await pushes(front) == pushed
        lab.write("secret.yaml", secret("front", second))
        await front.shows(second)
        await all_answer(kept, socket, talk, "mended")


async def all_answer(kept: KeptAlive, socket: aiohttp.ClientWebSocketResponse, talk: Talk, text: str) -> None:
    """Each open connection still works."""
    assert await kept.get() == 200
    await socket.send_str(text)
    assert await socket.receive_str(timeout=10) == f"web {text}"
    assert await talk.say(text) == text


@asynccontextmanager
async def web_socket(front: Front) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with aiohttp.ClientSession() as session:
        url, tls = f"wss://{front.ip}:{PORT}/", front.trusting()
        async with session.ws_connect(url, headers={"host": WEB}, ssl=tls, server_hostname=WEB) as socket:
            yield socket


async def pushes(front: Front) -> Counter[str]:
    """How many responses have been sent, by type."""
    async with front.lab.session.get(f"http://{front.lab.control_plane}:15014/metrics") as response:
        found = re.findall(r'^pilot_xds_pushes\{type="(\w+)"\} (\S+)$', await response.text(), re.MULTILINE)
    return Counter({name: int(float(count)) for name, count in found})


async def told(front: Front, code: str) -> None:
    """Returns when the control plane has something with this code to say."""
    url = f"http://{front.lab.control_plane}:15014/debug/configz"
    async with asyncio.timeout(20):
        while True:
            async with front.lab.session.get(url) as response:
                if any(each["code"] == code for each in (await response.json())["diagnostics"]):
                    return
            await asyncio.sleep(0.05)
