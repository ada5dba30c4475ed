"""An agent and a real control plane: how a workload comes to its certificate, and keeps having one."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.agent.kit import HOUR, REVIEWS, Time, control_plane, running, until
from xds.agent.errors import AgentError
from xds.agent.identity import IdentityAgent, Svid
from xds.ca.authority import Issued
from xds.model.identity import SpiffeId


async def ready(agent: IdentityAgent) -> Svid:
    async with asyncio.timeout(30):
        await agent.ready()
    assert agent.identity.svid is not None
    return agent.identity.svid


async def test_a_join_token_gives_an_identity_that_outlives_the_agent(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as plane:
        options = plane.options(plane.token_file())
        async with running(options) as agent:
            first = await ready(agent)
        assert first.identity == REVIEWS
        assert options.folder.stat().st_mode & 0o777 == 0o700
        assert (options.folder / "identity.json").stat().st_mode & 0o777 == 0o600
        async with running(options) as agent:  # whose token has been used
            assert await ready(agent) == first


async def test_a_certificate_is_renewed_by_itself_at_half_of_its_life(tmp_path: Path) -> None:
    clock = Time()
    async with control_plane(tmp_path) as plane, running(plane.options(plane.token_file()), clock) as agent:
        first = await ready(agent)
        clock.now += timedelta(hours=12, minutes=1)
        agent.look()
        await until(lambda: agent.identity.svid != first)
        renewed = agent.identity.svid
        assert renewed is not None
        assert (renewed.identity, renewed.key != first.key) == (REVIEWS, True)


async def test_an_outage_drops_nothing_and_ends(tmp_path: Path) -> None:
    clock = Time()
    async with control_plane(tmp_path) as plane, running(plane.options(plane.token_file()), clock) as agent:
        first = await ready(agent)
        await plane.stop()
        clock.now += timedelta(hours=13)
        with capture_logs() as logs:
            agent.look()
            await until(lambda: agent.trouble)
        assert agent.identity.svid is first
        (said,) = [line for line in logs if line["event"] == "no new certificate"][:1]
        assert "look whether the control plane runs" in said["advice"]
        await plane.start()
        agent.look()
        await until(lambda: agent.identity.svid is not first)
        assert agent.trouble == ""


async def test_a_clock_that_was_ahead_for_a_while_costs_nothing(tmp_path: Path) -> None:
    clock = Time()
    async with control_plane(tmp_path) as plane, running(plane.options(plane.token_file()), clock) as agent:
        first = await ready(agent)
        clock.now += timedelta(days=3)
        agent.look()
        await until(lambda: "no certificate that still holds" in agent.trouble)
        clock.now -= timedelta(days=3)
        agent.look()
        await until(lambda: agent.trouble == "")
        assert agent.identity.svid is first


async def test_ten_minutes_of_an_outage_cost_nothing_but_time(tmp_path: Path) -> None:
    clock = Time()
    async with control_plane(tmp_path) as plane, running(plane.options(plane.token_file()), clock) as agent:
        first = await ready(agent)
        await plane.stop()
        clock.now += timedelta(hours=12)
        for _ in range(20):
            before = agent.failed
            clock.now += timedelta(seconds=30)  # the longest pause between two attempts
            agent.look()
            await until(lambda before=before: agent.failed > before)  # type: ignore[misc]  # mypy does not infer these
            assert agent.identity.svid is first
        await plane.start()
        agent.look()
        await until(lambda: agent.identity.svid is not first)


async def test_a_certificate_that_was_long_on_its_way_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Time(datetime.now(UTC) - HOUR)
    async with control_plane(tmp_path) as plane:
        issue = plane.authority.issue

        def slowly(request: str, identity: SpiffeId, asked: timedelta | None = None) -> Issued:
            clock.now += HOUR
            return issue(request, identity, asked)

        monkeypatch.setattr(plane.authority, "issue", slowly)
        async with running(plane.options(plane.token_file()), clock) as agent:
            assert (await ready(agent)).obtained == clock.now


async def test_a_certificate_that_is_not_taken_any_more_is_replaced_by_a_fresh_token(tmp_path: Path) -> None:
    clock = Time()
    async with control_plane(tmp_path) as plane, running(plane.options(plane.token_file()), clock) as agent:
        first = await ready(agent)
        plane.authority.prepare()
        plane.authority.activate()
        plane.authority.revoke(plane.authority.stored.slots.old[0].id)
        clock.now += timedelta(hours=13)
        agent.look()
        await until(lambda: agent.trouble)
        assert agent.identity.svid is first
        plane.token_file()
        agent.look()
        await until(lambda: agent.identity.svid is not first)


async def test_a_token_is_shown_once_and_its_successor_is_found(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as plane:
        token = plane.token_file()
        plane.authority.join_tokens.use(token.path.read_text().strip(), Time().now)
        with capture_logs() as logs:
            async with running(plane.options(token)) as agent:
                await until(lambda: "used or refused before" in agent.trouble)
                plane.token_file()
                agent.look()
                await ready(agent)
        refusals = [line for line in logs if "unknown, or was used before" in line.get("reason", "")]
        told = {line["event"]: line.get("advice", "") for line in refusals}
        assert len(refusals) == len(told) == 3  # by the server, and by the agent of the proof and of the attempt
        assert "pilothouse token create" in told["no certificate yet"]


async def test_somebody_elses_certificate_is_not_used(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as plane:
        ratings = SpiffeId.of_workload("cluster.local", "default", "ratings")
        async with running(plane.options(plane.token_file(ratings))) as agent:
            await until(lambda: "service account reviews of namespace default" in agent.trouble)
            assert agent.identity.svid is None


@pytest.mark.parametrize(
    ("roots", "reason"), [("", "has no certificate in PEM"), (None, "cannot be read: No such file or directory")]
)
async def test_roots_are_read_at_every_attempt(tmp_path: Path, roots: str | None, reason: str) -> None:
    async with control_plane(tmp_path) as plane:
        options = plane.options(plane.token_file())
        good = options.root_cert.read_text()
        options.root_cert.unlink()
        if roots is not None:
            options.root_cert.write_text(roots)
        async with running(options) as agent:
            await until(lambda: reason in agent.trouble)
            options.root_cert.write_text(good)
            agent.look()
            await ready(agent)


async def test_another_control_planes_roots_are_told_from_an_outage(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as plane, control_plane(tmp_path / "other") as other:
        options = plane.options(plane.token_file())
        options.root_cert.write_bytes((other.folder / "ca" / "root-cert.pem").read_bytes())
        with capture_logs() as logs:
            async with running(options) as agent:
                await until(lambda: agent.trouble)
        (said,) = [line for line in logs if line["event"] == "no certificate yet"][:1]
        assert said["advice"].startswith("--root-cert has to have the root")


async def test_a_folder_belongs_to_one_agent_and_to_nobody_else(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as plane:
        options = plane.options(plane.token_file())
        async with running(options) as agent:
            await ready(agent)
            with pytest.raises(AgentError, match="in use by another agent"):
                await IdentityAgent(options).run()
        options.folder.chmod(0o755)
        with pytest.raises(AgentError, match="chmod 0700"):
            await IdentityAgent(options).run()


@pytest.mark.parametrize("mode", [0o600, 0o644])
async def test_a_damaged_or_readable_state_is_not_used(tmp_path: Path, mode: int) -> None:
    async with control_plane(tmp_path) as plane:
        options = plane.options(plane.token_file())
        async with running(options) as agent:
            first = await ready(agent)
        file = options.folder / "identity.json"
        if mode == 0o600:
            file.write_bytes(file.read_bytes()[:-40])
        file.chmod(mode)
        plane.token_file()
        with capture_logs() as logs:
            async with running(options) as agent:
                assert await ready(agent) != first
        assert any(line["event"] == "what was saved is not used" for line in logs)


async def test_a_state_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as plane:
        options = plane.options(plane.token_file())
        async with running(options) as agent:
            await ready(agent)
        file = options.folder / "identity.json"
        newer = file.read_bytes().replace(b'"version": 1', b'"version": 2')
        file.write_bytes(newer)
        plane.token_file()
        with pytest.raises(
            AgentError, match=r"written by a newer version .* or remove the file: the workload then needs"
        ):
            await IdentityAgent(options).run()
        assert file.read_bytes() == newer


async def test_no_key_and_no_token_is_told(tmp_path: Path) -> None:
    async with control_plane(tmp_path) as plane:
        token = plane.token_file()
        secret = token.path.read_text().strip()
        with capture_logs() as logs:
            async with running(plane.options(token)) as agent:
                svid = await ready(agent)
        told = f"{logs} {agent.identity.state!r} {agent.identity.state}"
        assert secret not in told
        assert repr(svid.key.reveal()) not in told
