"""Patches that only a real Envoy can refuse: whom they are blamed on, and what goes on all the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from e2e.envoyfilter.mesh import envoy_filter
from e2e.envoyfilter.test_patches import before_the_router, lua
from e2e.lab import Lab, Sidecar
from e2e.services import service
from e2e.waiting import happened

BROKEN = before_the_router("SIDECAR_OUTBOUND", "broken", lua("x-broken").replace(" end", " en"))
SOUND = before_the_router("SIDECAR_OUTBOUND", "sound", lua("x-sound"))
WHO = {"kind": "EnvoyFilter", "namespace": "default", "name": "broken"}


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Returns once it has; fails after 15 seconds."""
    await happened(is_so, "what was expected", 15)


async def document(lab: Lab, path: str) -> Mapping[str, object]:
    """What the control plane's monitoring port answers."""
    async with lab.session.get(f"http://{lab.control_plane}:15014{path}") as response:
        found: Mapping[str, object] = await response.json()
        return found


async def started(lab: Lab, *options: str) -> Sidecar:
    """A client whose sidecar has one service."""
    lab.write("shop.yaml", service("shop", {"v1": await lab.echo("v1")}))
    await lab.serve(*options)
    return await lab.sidecar("client", {"app": "client"})


async def test_preflight_keeps_from_proxies_what_envoy_refuses_of_a_patch(lab: Lab) -> None:
    client = await started(lab, "--preflight")
    lab.write("broken.yaml", f"\n{envoy_filter('broken', BROKEN)}")

    async def is_told() -> bool:
        found = (await document(lab, "/debug/configz"))["diagnostics"]
        assert isinstance(found, list)
        return any(
            (each["object"], each["line"], each["code"]) == (WHO, 2, "refused-by-envoy") and "script" in each["reason"]
            for each in found
        )

    await until(is_told)
    await goes_on(lab, client)
    assert ".update_rejected: 0" in await client.admin("/stats?filter=listener_manager.lds.update_rejected")


async def test_without_preflight_a_proxy_refuses_it_and_the_rest_goes_on(lab: Lab) -> None:
    client = await started(lab)
    lab.write("broken.yaml", f"\n{envoy_filter('broken', BROKEN)}")

    async def is_told() -> bool:
        return "EnvoyFilter/broken.default" in str(await document(lab, "/debug/changes"))

    await until(is_told)
    await goes_on(lab, client)


async def goes_on(lab: Lab, client: Sidecar) -> None:
    """The proxy still answers, takes a new cluster, and what replaces the patch."""
    assert (await client.get("shop")).ok
    lab.write("other.yaml", service("other", {"v1": await lab.echo("other")}))

    async def has_other() -> bool:
        return "outbound|9080||other.default.svc.cluster.local" in await client.admin("/clusters")

    async def is_repaired() -> bool:
        return (await client.get("shop")).headers.get("x-sound") == "yes"

    await until(has_other)
    assert "x-broken" not in (await client.get("shop")).headers
    lab.write("broken.yaml", envoy_filter("broken", SOUND))
    await until(is_repaired)
