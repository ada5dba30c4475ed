"""Clocks that are set: what is made meanwhile holds either way, and nothing that may be needed goes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.ca.kit import NOW, REVIEWS, TRUST_DOMAIN, request
from xds.ca.clock import DOUBT, MOST_AHEAD, Moment, Moments
from xds.ca.keystore import Keystore
from xds.ca.service import CertificateAuthority, Policy
from xds.ca.tls import ServerTls

DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)


@dataclass
class Machine:
    """Its true time, and how far its clock is ahead of it."""

    true: datetime = NOW
    ahead: timedelta = timedelta()

    def wall(self) -> datetime:
        return self.true + self.ahead

    def elapsed(self) -> float:
        return (self.true - NOW).total_seconds() + 1000


def test_a_clock_that_goes_on_is_believed() -> None:
    machine = Machine()
    moments = Moments(machine.wall, machine.elapsed)
    for _ in range(100):
        machine.true += DAY
        machine.ahead += 10 * SECOND  # as a clock is set that is a little slow
        assert moments() == Moment.at(machine.wall())


@pytest.mark.parametrize("jump", [3 * DAY, -3 * DAY, 2 * HOUR, -2 * HOUR])
def test_a_clock_that_is_set_is_doubted_for_a_day_and_then_believed(jump: timedelta) -> None:
    machine = Machine()
    moments = Moments(machine.wall, machine.elapsed)
    machine.ahead = jump
    for later in (timedelta(), DOUBT - SECOND):
        machine.true = NOW + later
        now = moments()
        assert now.now == machine.wall()
        assert (now.earliest, now.latest) == (min(machine.wall(), machine.true), max(machine.wall(), machine.true))
    machine.true += SECOND
    assert moments() == Moment.at(machine.wall())


def test_a_clock_that_is_set_back_again_is_believed_at_once() -> None:
    machine = Machine()
    moments = Moments(machine.wall, machine.elapsed)
    for jump in (3 * DAY, timedelta()):
        machine.ahead = jump
        now = moments()
    assert now == Moment.at(NOW)


def test_nothing_lasts_much_longer_because_a_clock_was_years_ahead() -> None:
    machine = Machine(ahead=3650 * DAY)
    moments = Moments(machine.wall, machine.elapsed)
    machine.ahead = timedelta()
    assert moments().latest == NOW + MOST_AHEAD


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def authority(machine: Machine, tmp_path: Path) -> CertificateAuthority:
    authority = CertificateAuthority(Keystore(tmp_path / "ca"), Policy(), machine.wall, elapsed=machine.elapsed)
    authority.start(TRUST_DOMAIN)
    return authority


@pytest.mark.parametrize("jump", [3 * DAY, -3 * DAY])
def test_a_certificate_holds_for_those_whose_clocks_are_right(
    machine: Machine, authority: CertificateAuthority, jump: timedelta
) -> None:
    machine.ahead = jump
    leaf = authority.issue(request(), REVIEWS).certificate
    for now in (machine.true, machine.wall(), machine.true + 23 * HOUR, machine.wall() + 23 * HOUR):
        assert leaf.not_valid_before_utc <= now < leaf.not_valid_after_utc
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc < 4 * DAY + HOUR


def test_a_revoked_certificate_stays_on_the_lists_while_the_clock_is_ahead(
    machine: Machine, authority: CertificateAuthority
) -> None:
    leaf = authority.issue(request(), REVIEWS).certificate
    authority.revoke_certificate(leaf.serial_number, leaf.not_valid_after_utc)
    machine.ahead = 3 * DAY
    authority.refresh()
    assert authority.stored.revocations.serials() == {leaf.serial_number}
    assert all(each.last_update_utc <= NOW for each in authority.stored.lists)


@pytest.mark.parametrize("jump", [3 * DAY, -3 * DAY])
def test_an_old_root_stays_as_long_as_what_it_has_signed_may_hold(
    machine: Machine, authority: CertificateAuthority, jump: timedelta
) -> None:
    authority.prepare()
    machine.ahead = jump
    authority.refresh()
    assert authority.stored.slots.prepared is not None  # nobody may have it yet
    authority.activate()
    machine.ahead = max(jump, timedelta())
    machine.true += 20 * HOUR
    authority.refresh()
    assert len(authority.stored.slots.old) == 1


def test_an_issuing_certificate_that_is_renewed_while_the_clock_is_ahead_holds_now(
    machine: Machine, authority: CertificateAuthority
) -> None:
    before = authority.active.issuing.certificate
    machine.ahead = 61 * DAY
    assert authority.refresh()
    after = authority.active.issuing.certificate
    assert after != before
    assert after.not_valid_before_utc <= NOW


@pytest.mark.parametrize("jump", [3 * DAY, -3 * DAY])
def test_the_servers_own_certificate_holds_while_the_clock_is_wrong_and_after_it(
    machine: Machine, authority: CertificateAuthority, jump: timedelta
) -> None:
    contexts = ServerTls(authority, REVIEWS, ["127.0.0.1"], machine.wall)
    right = contexts()
    assert contexts() is right
    machine.ahead = jump
    wrong = contexts()
    assert wrong is not right
    machine.ahead = timedelta()
    assert contexts() is not wrong  # one from the future would not be due for days
