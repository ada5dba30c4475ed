"""Wasm modules: from a server, a file and an image to the proxy, and what becomes of requests without them."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from textwrap import indent

from e2e.extensions.shop import header, start_shop, trace, traffic_extension, until, wasm_plugin
from e2e.lab import Lab
from e2e.proofs import proves
from tests.sources.modules.kit import image, serving, sha256, write_layout
from tests.wasm import GREETING, TELLING, assembled
from xds.app.demo.shop import fetch

TOLD = """\
pluginName: root-7
pluginConfig:
  word: hello
vmConfig:
  env:
  - name: REGION
    value: eu
"""


@proves(
    "WasmPlugin",
    "spec.url",
    "spec.pluginName",
    "spec.pluginConfig",
    "spec.vmConfig.env.name",
    "spec.vmConfig.env.value",
)
async def test_a_module_is_fetched_and_given_what_is_written(lab: Lab) -> None:
    async with serving() as server:
        server.answers["/telling.wasm"] = (200, assembled(TELLING))
        lab.write("plugin.yaml", wasm_plugin("telling", f"{server.url}/telling.wasm", TOLD))
        shop = await start_shop(lab)
        await until(shop.ask, "x-config", '{"word":"hello"}')
        answer = await shop.ask()
        assert (header(answer, "x-env"), header(answer, "x-root")) == ("REGION=eu", "root-7")
        changed = TOLD.replace("hello", "goodbye")
        lab.write("plugin.yaml", wasm_plugin("telling", f"{server.url}/telling.wasm", changed))
        await until(shop.ask, "x-config", '{"word":"goodbye"}')
        assert server.asked == ["/telling.wasm"], "which is fetched once"


@proves(
    "TrafficExtension",
    "spec.wasm.url",
    "spec.wasm.pluginName",
    "spec.wasm.pluginConfig",
    "spec.wasm.vmConfig.env.name",
    "spec.wasm.vmConfig.env.valueFrom",
)
async def test_a_traffic_extension_runs_a_module_of_an_image_too(lab: Lab) -> None:
    write_layout(lab.config / "image", v1=image(assembled(TELLING)))
    told = TOLD.replace("name: REGION\n    value: eu", "name: HOME\n    valueFrom: HOST")
    wasm = indent(f"url: oci://image:v1\n{told}", "    ")
    lab.write("extension.yaml", f"{EXTENSION}  wasm:\n{wasm}")
    shop = await start_shop(lab)
    await until(shop.ask, "x-config", '{"word":"hello"}')
    answer = await shop.ask()
    assert (header(answer, "x-env"), header(answer, "x-root")) == (f"HOME={os.environ['HOME']}", "root-7")


EXTENSION = """\
apiVersion: extensions.istio.io/v1alpha1
kind: TrafficExtension
metadata:
  name: telling
spec:
  match:
  - mode: SERVER
"""


@proves("WasmPlugin", "spec.imagePullPolicy")
async def test_a_module_is_fetched_anew_with_every_change_if_it_is_always_to_be(lab: Lab) -> None:
    async with serving() as server:
        server.answers["/telling.wasm"] = (200, assembled(TELLING))
        lab.write("plugin.yaml", wasm_plugin("telling", f"{server.url}/telling.wasm", TOLD))
        shop = await start_shop(lab)
        await until(shop.ask, "x-config", '{"word":"hello"}')
        for word, asked in (("once", 2), ("again", 3)):
            always = "imagePullPolicy: Always\n" + TOLD.replace("hello", word)
            lab.write("plugin.yaml", wasm_plugin("telling", f"{server.url}/telling.wasm", always))
            await until(shop.ask, "x-config", f'{{"word":"{word}"}}')
            assert len(server.asked) == asked


@proves("WasmPlugin", "spec.failStrategy")
async def test_without_its_module_an_extension_refuses_or_lets_pass_and_heals(lab: Lab) -> None:
    async with serving() as server:
        shop = await start_shop(lab)
        assert (await shop.ask()).ok
        for name, strategy, meanwhile in (("closed", "FAIL_CLOSE", "503"), ("open", "FAIL_OPEN", "")):
            spec = f"failStrategy: {strategy}\n{TOLD}"
            lab.write("plugin.yaml", wasm_plugin(name, f"{server.url}/{name}.wasm", spec))
            await _found(lab, "module-unavailable", f"/{name}.wasm cannot be fetched: the server answered 404")
            await until(shop.ask, "x-config", meanwhile)
            server.answers[f"/{name}.wasm"] = (200, assembled(TELLING))
            await until(shop.ask, "x-config", '{"word":"hello"}')


@proves("WasmPlugin", "spec.sha256")
async def test_a_module_with_another_checksum_is_not_used(lab: Lab) -> None:
    code = assembled(TELLING)
    (lab.config / "telling.wasm").write_bytes(code)
    shop = await start_shop(lab)
    wrong = f"sha256: {sha256(b'another')}\n{TOLD}"
    lab.write("plugin.yaml", wasm_plugin("telling", "file://telling.wasm", wrong))
    await until(shop.ask, "x-config", "503")
    await _found(lab, "module-unavailable", f"is {sha256(code)}, not {sha256(b'another')}")
    lab.write("plugin.yaml", wasm_plugin("telling", "file://telling.wasm", wrong + "failStrategy: FAIL_OPEN\n"))
    await until(shop.ask, "x-config", "")
    lab.write("plugin.yaml", wasm_plugin("telling", "file://telling.wasm", f"sha256: {sha256(code)}\n{TOLD}"))
    await until(shop.ask, "x-config", '{"word":"hello"}')


async def test_a_module_of_an_image_that_is_almost_too_large(lab: Lab) -> None:
    write_layout(lab.config / "image", v1=image(assembled(TELLING, padding=(16 << 20) - 4096)))
    lab.write("plugin.yaml", wasm_plugin("telling", "oci://image:v1", TOLD))
    shop = await start_shop(lab)
    await until(shop.ask, "x-config", '{"word":"hello"}')


async def test_a_module_that_envoy_does_not_accept_costs_only_itself(lab: Lab) -> None:
    (lab.config / "bad.wasm").write_bytes(b"\0asm\1\0\0\0")
    shop = await start_shop(lab)
    lab.write(
        "plugin.yaml",
        wasm_plugin("bad", "file://bad.wasm", "failStrategy: FAIL_OPEN\n")
        + traffic_extension("good", trace("good"), "match:\n- mode: SERVER\n"),
    )
    await until(shop.ask, "x-trace", "good,")
    status = (await fetch(lab.session, f"http://{lab.control_plane}:15014/debug/syncz", {})).body
    assert "Unable to create Wasm plugin" in status
    assert "WasmPlugin/bad.default" in status


async def _found(lab: Lab, code: str, reason: str) -> None:
    """The control plane comes to say so."""

    async with asyncio.timeout(20):
        while True:
            body = (await fetch(lab.session, f"http://{lab.control_plane}:15014/debug/configz", {})).body
            found = [each for each in json.loads(body)["diagnostics"] if each["code"] == code]
            if any(reason in json.dumps(each) for each in found):
                return
            await asyncio.sleep(0.05)


@proves("WasmPlugin", "spec.type")
async def test_a_module_for_connections_stands_before_tcp(lab: Lab) -> None:
    (lab.config / "greeting.wasm").write_bytes(assembled(GREETING))
    ip = lab.addresses.new()
    async with heard() as port:
        lab.write("sidecar.yaml", TCP_SIDECAR.format(port=port))
        await lab.serve("--cache-dir", str(lab.folder / "cache"))
        await lab.sidecar("shop-v1", {"app": "shop"}, ip=ip)
        await _echoes(ip, b"world", b"world")
        lab.write("plugin.yaml", wasm_plugin("greeting", "file://greeting.wasm", "type: NETWORK\n"))
        await _echoes(ip, b"world", b"hello world")
        (lab.config / "empty.wasm").write_bytes(b"")
        lab.write("plugin.yaml", wasm_plugin("another", "file://empty.wasm", "type: NETWORK\n"))
        await _echoes(ip, b"world", b"")
        failing = "type: NETWORK\nfailStrategy: FAIL_OPEN\n"
        lab.write("plugin.yaml", wasm_plugin("another", "file://empty.wasm", failing))
        await _echoes(ip, b"world", b"world")


TCP_SIDECAR = """\
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata:
  name: shop
spec:
  workloadSelector:
    labels:
      app: shop
  ingress:
  - port:
      number: 7000
      protocol: TCP
      name: tcp
    defaultEndpoint: 127.0.0.1:{port}
"""


@asynccontextmanager
async def heard() -> AsyncIterator[int]:
    """A server that sends back all that it was sent when the client has no more; its port."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read())
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _echoes(ip: str, sent: bytes, expected: bytes) -> None:
    """What comes back through the sidecar comes to be this; nothing if the connection is closed."""
    found: bytes | None = None
    try:
        async with asyncio.timeout(20):
            while found != expected:
                found = await _exchanged(ip, sent)
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"{found!r} comes back, not {expected!r}") from None


async def _exchanged(ip: str, sent: bytes) -> bytes:
    try:
        reader, writer = await asyncio.open_connection(ip, 7000)
    except ConnectionError:
        return b"refused"
    try:
        writer.write(sent)
        writer.write_eof()
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
