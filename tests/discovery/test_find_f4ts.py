"""F4Ts are found among the hosts that a person names, with one question."""

from collections.abc import Iterator

import pytest
from patience import LONG_S, patient

from flowrig.rig.discovery import Discovery, Found
from flowrig.testing import HeaterBench, Mute
from flowrig_watlow.discovery import find_f4ts
from flowrig_watlow.driver import WatlowF4T
from flowrig_watlow.emulator.emulator import WatlowEmulator
from flowrig_watlow.settings import F4TSettings


@pytest.fixture
def f4t() -> Iterator[HeaterBench]:
    settings = F4TSettings(address="127.0.0.1", deadline_s=LONG_S)
    with HeaterBench(WatlowF4T, WatlowEmulator, settings) as bench:
        yield bench


def test_an_f4t_is_asked_who_it_is_and_nothing_else(f4t: HeaterBench) -> None:
    """Its identity comes with serial number and firmware; the plate is left as it is."""
    address, before = f4t.driver.settings.address, list(f4t.plate.set_points_c)
    (found,) = find_f4ts(Discovery(hosts=[address], deadline_s=LONG_S, is_narrowed=True))
    assert isinstance(found, Found)
    assert found.address == address
    assert f4t.tap.sent == b"*IDN?\n"
    assert found.identity == f4t.call(f4t.driver.open)
    assert f4t.plate.set_points_c == before


@patient(0.05)
def test_hosts_that_are_no_f4t_are_told(
    f4t: HeaterBench, free_address: str, deadline_s: float
) -> None:
    """Silence, a closed port and a name that is none each have their reason."""
    hosts = [f4t.driver.settings.address, free_address, "127.0.0.1:x"]
    ask = Discovery(hosts=hosts, deadline_s=deadline_s, is_narrowed=True)
    with f4t.tap.through(Mute()):
        reasons = {one.address: one.reason for one in find_f4ts(ask)}
    assert set(reasons) == set(hosts)
    assert "no answer within" in reasons[hosts[0]]
    assert "no server listens" in reasons[hosts[1]]
    assert "not a TCP port" in reasons[hosts[2]]
