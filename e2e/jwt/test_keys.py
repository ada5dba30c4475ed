"""Keys that are fetched: found, replaced, away, back, and kept over a restart."""

from __future__ import annotations

from functools import partial

import pytest

from e2e.jwt.issuer import Issuer, jwk
from e2e.jwt.world import JwtWorld, gateway
from e2e.mtls.world import World
from e2e.proofs import proves
from xds.app.demo.shop import fetch

pytestmark = pytest.mark.asyncio(loop_scope="session")

INLINE = Issuer("https://inline.example.com")


@proves("RequestAuthentication", "spec.jwtRules.jwksUri", "spec.jwtRules.jwks_uri")
async def test_keys_are_fetched_and_replaced_without_a_change_of_listeners(world: JwtWorld) -> None:
    one, other, found = [await world.issuer() for _ in range(3)]
    world.rules(
        {"issuer": one.name, "jwksUri": one.keys_url},
        {"issuer": other.name, "jwks_uri": other.keys_url},
        {"issuer": found.name},
    )
    await world.enforced()
    for issuer in (one, other, found):
        await world.until(partial(_status, world, issuer), 200)
    assert found.asked[0] == "/.well-known/openid-configuration"
    before = await _listener_changes(world.mesh)
    old = one.token()
    one.rotate()
    assert await world.status(one.token()) == 401
    await world.until(lambda: world.status(one.token()), 200)
    assert await world.status(old) == 401
    assert await world.status(other.token()) == 200
    assert await _listener_changes(world.mesh) == before


async def _status(world: JwtWorld, issuer: Issuer) -> int:
    return await world.status(issuer.token())


async def _listener_changes(mesh: World) -> int:
    return await mesh.stat(mesh.server, r"^listener_manager\.listener_(added|modified|in_place_updated)$")


async def test_keys_that_cannot_be_had_cost_the_tokens_of_their_issuer_and_nothing_else(world: JwtWorld) -> None:
    away = await world.issuer(up=False)
    world.rules({"issuer": INLINE.name, "jwks": INLINE.jwks}, {"issuer": away.name, "jwksUri": away.keys_url})
    await world.enforced()
    await world.until(partial(_status, world, INLINE), 200)
    assert await world.status(away.token()) == 401
    assert await world.status() == 200

    told = partial(world.findings, "keys-unavailable")
    await world.until(told, [("rules.yaml", 1, "spec.jwtRules[1]")])
    assert await _metric(world, "pilothouse_jwks_unavailable") == 1
    assert await _metric(world, "pilot_jwks_resolver_network_fetch_fail_total") >= 1
    await away.open()
    await world.until(lambda: world.status(away.token()), 200)
    await world.until(told, [])
    assert await _metric(world, "pilothouse_jwks_unavailable") == 0
    await away.close()
    await world.until(told, [("rules.yaml", 1, "spec.jwtRules[1]")])
    assert await world.status(away.token()) == 200, "the keys that were there stay"


async def _metric(world: JwtWorld, name: str) -> float:
    text = (await fetch(world.mesh.lab.session, f"http://{world.mesh.lab.control_plane}:15014/metrics", {})).body
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name} "))


async def _kept(world: JwtWorld, issuer: Issuer) -> bool:
    point = str(jwk(issuer.key, issuer.kid)["x"])
    files = [file for file in (world.cache / "jwks").glob("*.json") if point in file.read_text()]
    assert all(file.stat().st_mode & 0o077 == 0 for file in files)
    return bool(files)


async def test_keys_are_kept_over_a_restart(world: JwtWorld) -> None:
    """Another control plane with the same cache, for a gateway that starts while nobody answers."""
    issuer, lab = await world.issuer(), world.mesh.lab
    rule = {"issuer": issuer.name, "jwksUri": issuer.keys_url}
    world.rules(rule)
    await world.enforced()
    await world.until(lambda: world.status(issuer.token()), 200)
    await world.until(partial(_kept, world, issuer), True)
    await issuer.close()
    world.rules(rule, app="late", name="late")
    before = lab.control_plane
    ip = lab.addresses.new()
    world.mesh.write("late-gateway", *gateway(ip, "late"))
    try:
        child = await lab.serve("--cache-dir", str(world.cache), mesh_config=lab.folder / "mesh.yaml")
        late = await lab.gateway("late", {"app": "late"}, ip=ip)

        async def status(token: str) -> int:
            headers = {"host": "shop.example.com", "authorization": f"Bearer {token}", "connection": "close"}
            return (await fetch(lab.session, f"http://{late.ip}:8080/", headers)).status

        await world.until(lambda: status(issuer.token(exp=1)), 401)
        assert await status(issuer.token()) == 200
        await child.stop()
    finally:
        lab.control_plane = before
