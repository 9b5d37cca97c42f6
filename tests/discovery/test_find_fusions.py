"""Fusions are found on serial ports, and nobody hears a byte who was not named."""

import sys
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from patience import LONG_S, patient

from flowrig.interfaces import Identity
from flowrig.rig.discovery import ALL, Discovery, Found, NoAnswer
from flowrig.testing import Mute, PumpBench
from flowrig_chemyx.discovery import find_fusions
from flowrig_chemyx.driver import ChemyxFusion
from flowrig_chemyx.emulator.emulator import ChemyxEmulator
from flowrig_chemyx.emulator.serial_port import Uart
from flowrig_chemyx.settings import BAUD_RATES, FusionSettings
from flowrig_serial import discovery

FUSION = Identity("Chemyx", "Fusion 6000")
HARMLESS = {b"", b"?", b"elapsed time", b"status", b"pump status", b"view parameter"}
SOON_S = 0.05
needs_terminals = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")


def port(device: str, serial_number: str | None = None, description: str = "n/a") -> object:
    return SimpleNamespace(device=device, serial_number=serial_number, description=description)


def fusion_bench(*, baud: int = 38400, channel: int | None = None) -> PumpBench:
    settings = FusionSettings(address="", baud=baud, channel=channel, deadline_s=LONG_S)
    uart = Uart(baud=baud, strict=sys.platform != "win32")
    return PumpBench(ChemyxFusion, lambda context: ChemyxEmulator(context, uart=uart), settings)


@pytest.fixture(autouse=True)
def no_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulators' own end of a pseudo-terminal counts for nothing."""
    monkeypatch.setattr(discovery, "owners", lambda device: [])


@pytest.fixture
def fusion() -> Iterator[PumpBench]:
    with fusion_bench() as bench:
        yield bench


def test_ports_are_listed_and_nothing_is_sent(fusion: PumpBench) -> None:
    """Who was not named hears nothing; each port has the address that a profile says for it."""
    address = fusion.driver.settings.address
    ports = [
        port(address, "A10KZP45", "FT232R USB UART"), port("COM1"),
        port("COM7", "twin"), port("COM8", "twin"),
    ]  # fmt: skip
    found = list(find_fusions(Discovery(hosts=["10.0.0.1"]), lambda: ports))
    assert {one.address: one.identity for one in found if isinstance(one, Found)} == {
        "usb:A10KZP45": None, "COM1": None, "COM7": None, "COM8": None,
    }  # fmt: skip
    (noted,) = [one.note for one in found if one.address == "usb:A10KZP45"]
    assert noted == f"{address}, FT232R USB UART"
    assert not fusion.tap.sent


@pytest.mark.parametrize("named", ["device", "usb:A10KZP45", ALL])
def test_a_port_that_is_named_is_asked(fusion: PumpBench, named: str) -> None:
    """By any of its names; only questions are sent, and nothing has moved."""
    address = fusion.driver.settings.address
    ask = Discovery(ports=[address if named == "device" else named], deadline_s=LONG_S)
    (found,) = find_fusions(ask, lambda: [port(address, "A10KZP45")])
    assert isinstance(found, Found)
    assert (found.address, found.identity) == ("usb:A10KZP45", FUSION)
    assert found.settings == {"baud": 38400}
    assert set(fusion.tap.sent.split(b"\r")) <= HARMLESS
    assert fusion.plunger.starts == 0


def test_a_port_that_is_not_listed_can_be_named(fusion: PumpBench) -> None:
    """A device server, or a link to a port, is asked as it is."""
    address = fusion.driver.settings.address
    (found,) = find_fusions(Discovery(ports=[address], deadline_s=LONG_S), list)
    assert (found.address, found.identity) == (address, FUSION)


@needs_terminals
@pytest.mark.parametrize("baud", [9600, 115200])
@patient(0.1)
def test_the_line_speed_is_found(baud: int, deadline_s: float) -> None:
    """The settings that come with a pump open it."""
    with fusion_bench(baud=baud) as bench:
        address = bench.driver.settings.address
        (found,) = find_fusions(Discovery(ports=[address], deadline_s=deadline_s), list)
        assert found.settings == {"baud": baud}
        settings = FusionSettings(address=address, deadline_s=LONG_S, **found.settings)
        with ChemyxFusion("pump", settings) as pump:
            assert pump.is_open


def test_a_dual_pump_is_two_devices() -> None:
    """Each channel is found, with its number."""
    with fusion_bench(channel=1) as bench:
        address = bench.driver.settings.address
        found = list(find_fusions(Discovery(ports=[address], deadline_s=LONG_S), list))
        assert [one.settings for one in found] == [
            {"baud": 38400, "channel": 1}, {"baud": 38400, "channel": 2},
        ]  # fmt: skip
        heard = {request.lstrip(b"12 ") for request in bench.tap.sent.split(b"\r")}
        assert heard <= HARMLESS
        for one in found:
            settings = FusionSettings(address=address, deadline_s=LONG_S, **one.settings)
            with ChemyxFusion("pump", settings) as pump:
                assert pump.is_open


def test_silence_is_told(fusion: PumpBench) -> None:
    """The port is listed all the same, and every line speed that was tried is named."""
    address = fusion.driver.settings.address
    ask = Discovery(ports=[address], deadline_s=SOON_S)
    with fusion.tap.through(Mute()):
        listed, silent = find_fusions(ask, lambda: [port(address)])
    assert isinstance(listed, Found)
    assert listed.identity is None
    assert isinstance(silent, NoAnswer)
    assert all(str(baud) in silent.reason for baud in BAUD_RATES)


def test_a_port_that_does_not_open_is_told_at_once() -> None:
    """A name that means nothing is no line speed to be tried six times."""
    for name, said in (("no-such-port", "does not open"), ("usb:B7", "does not open")):
        *_, silent = find_fusions(Discovery(ports=[name]), list)
        assert isinstance(silent, NoAnswer)
        assert said in silent.reason


@pytest.mark.parametrize("named", [[], [ALL]])
def test_a_port_in_use_is_named_with_its_owner_and_left_alone(
    fusion: PumpBench, monkeypatch: pytest.MonkeyPatch, named: list[str]
) -> None:
    """Whoever has it goes on undisturbed, also when a person wants everybody to be asked."""
    monkeypatch.setattr(discovery, "owners", lambda device: ["putty (process 7)"])
    address = fusion.driver.settings.address
    listed, *refused = find_fusions(Discovery(ports=named), lambda: [port(address)])
    assert isinstance(listed, Found)
    assert listed.note == "in use by putty (process 7)"
    assert [one.reason for one in refused] == [
        "not asked, because it is in use by putty (process 7)"
    ] * len(named)
    assert not fusion.tap.sent
