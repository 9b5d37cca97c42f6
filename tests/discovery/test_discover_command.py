"""`flowrig discover`: what a person reads, what a script reads, and what goes into a profile."""

import json
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import click.testing
import pytest

from flowrig.cli import main
from flowrig.interfaces import Identity
from flowrig.plugins import DriverOffer, Offer
from flowrig.rig import discovery
from flowrig.rig.discovery import Discovery, Found, NoAnswer, Survey

PORT = Found(driver="chemyx-fusion", address="usb:A1", note="/dev/ttyUSB0, FT232R USB UART")
PUMP = Found(driver="chemyx-fusion", address='odd "port"', identity=Identity("Chemyx", "Fusion"),
             settings={"baud": 9600, "channel": 2})  # fmt: skip
PLATE = Found(driver="watlow-f4t", address="10.0.0.17",
              identity=Identity("Watlow Electric", "F4T", "1234", "04:05"))  # fmt: skip


@pytest.fixture
def discover(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the command, with what is to be found; notes what was allowed."""
    monkeypatch.setenv("COLUMNS", "100")
    allowed: list[tuple[list[str], Discovery]] = []

    def run(
        *words: str,
        found: Sequence[Found] = (),
        unanswered: Sequence[NoAnswer] = (),
        **skipped: str,
    ) -> Any:
        def survey(offers: Sequence[DriverOffer], ask: Discovery, patience_s: float) -> Survey:
            allowed.append(([offer.name for offer in offers], ask))
            return Survey(tuple(found), tuple(unanswered), skipped)

        monkeypatch.setattr(discovery, "survey", survey)
        done = click.testing.CliRunner().invoke(main, ["discover", *words])
        done.allowed = allowed[-1] if allowed else None  # type: ignore[attr-defined]
        return done

    return run


def test_what_is_known_can_be_pasted_into_a_profile(discover: Any) -> None:
    """Each instrument has a table; ports behind which nobody knows who is have none."""
    text = discover(found=[PORT, PUMP, PLATE, PUMP]).output
    devices = tomllib.loads(text.partition("for a profile\n")[2])["devices"]
    assert devices == {
        "pump_1": {"driver": "chemyx-fusion", "address": 'odd "port"', "baud": 9600, "channel": 2},
        "pump_2": {"driver": "chemyx-fusion", "address": 'odd "port"', "baud": 9600, "channel": 2},
        "heater_1": {"driver": "watlow-f4t", "address": "10.0.0.17"},
    }
    assert "Watlow Electric F4T, serial number 1234, firmware 04:05" in text


def test_why_ports_were_not_asked_is_told(discover: Any) -> None:
    """With the way to ask one; a port that answered one driver is not listed for another."""
    other = Found(driver="acme-drip", address="usb:A1")
    text = discover(found=[PORT, other]).output
    assert text.count("usb:A1") == 2
    assert "chemyx-fusion or acme-drip" in text
    assert "flowrig discover --ask usb:A1" in text
    assert "--ask" not in discover(found=[Found(driver="acme", address=PUMP.address), PUMP]).output


def test_silence_and_what_is_missing_are_told(discover: Any) -> None:
    """One line each, and no error."""
    silent = NoAnswer(driver="watlow-f4t", address="10.0.0.9", reason="nobody listens there")
    done = discover(unanswered=[silent], ocean="pip install 'flowrig[ocean]' to look")
    assert done.exit_code == 0
    lines = [" ".join(line.split()) for line in done.output.splitlines()]
    assert "10.0.0.9 watlow-f4t: nobody listens there" in lines
    assert "ocean pip install 'flowrig[ocean]' to look" in lines
    assert "nothing was found" in lines


def test_scripts_get_json(discover: Any) -> None:
    """Everything that a person is told, as values."""
    silent = NoAnswer(driver="watlow-f4t", address="10.0.0.9", reason="closed")
    told = json.loads(discover("--json", found=[PORT, PLATE], unanswered=[silent]).output)
    assert [one["identity"] and one["identity"]["model"] for one in told["found"]] == [None, "F4T"]
    assert told["unanswered"] == [
        {"driver": "watlow-f4t", "address": "10.0.0.9", "reason": "closed"}
    ]
    assert told["skipped"] == {}


def test_only_what_was_named_may_be_asked(discover: Any) -> None:
    """Without a word nobody is; one driver is looked for alone, and an unknown one is told."""
    names, ask = discover().allowed
    assert {"chemyx-fusion", "watlow-f4t", "ocean-hdx"} <= set(names)
    assert (ask.ports, ask.hosts) == ((), ())
    names, ask = discover(
        "--ask", "COM3", "--ask", "all", "--host", "10.0.0.1:502", "--driver", "watlow-f4t"
    ).allowed
    assert names == ["watlow-f4t"]
    assert (ask.ports, ask.endpoints(5025)) == (("COM3", "all"), ("10.0.0.1:502",))
    done = discover("--driver", "watlow")
    assert done.exit_code == 2
    assert "did you mean 'watlow-f4t'" in done.output


def test_without_a_single_package_every_driver_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is no error, and nothing is imported."""
    monkeypatch.setattr(Offer, "missing", lambda self: self.needs)
    done = click.testing.CliRunner().invoke(main, ["discover", "--json"])
    assert done.exit_code == 0
    skipped = json.loads(done.output)["skipped"]
    for extra in ("chemyx", "watlow", "ocean"):
        assert any(f"pip install 'flowrig[{extra}]'" in reason for reason in skipped.values())


@pytest.fixture
def rig() -> Iterator[dict[str, str]]:
    """A pump, a heater and a spectrometer: their addresses by driver."""
    pytest.importorskip("serial")
    pytest.importorskip("pyvisa")
    pytest.importorskip("seabreeze")
    from flowrig.testing import HeaterBench, PumpBench, SpectrometerBench
    from flowrig_chemyx import FusionSettings
    from flowrig_chemyx.driver import ChemyxFusion
    from flowrig_chemyx.emulator.emulator import ChemyxEmulator
    from flowrig_ocean import HdxSettings
    from flowrig_ocean.driver import OceanHdx
    from flowrig_ocean.emulator.emulator import HdxEmulator
    from flowrig_watlow import F4TSettings
    from flowrig_watlow.driver import WatlowF4T
    from flowrig_watlow.emulator.emulator import WatlowEmulator

    with ExitStack() as stack:
        benches = {
            "chemyx-fusion": PumpBench(ChemyxFusion, ChemyxEmulator, FusionSettings(address="")),
            "watlow-f4t": HeaterBench(WatlowF4T, WatlowEmulator, F4TSettings(address="127.0.0.1")),
            "ocean-hdx": SpectrometerBench(OceanHdx, HdxEmulator, HdxSettings(address="127.0.0.1")),
        }
        yield {
            name: stack.enter_context(bench).driver.settings.address
            for name, bench in benches.items()
        }


@pytest.mark.parametrize("driver", ["chemyx-fusion", "watlow-f4t", "ocean-hdx"])
def test_emulated_instruments_are_found_as_if_they_were_real(
    rig: dict[str, str], driver: str
) -> None:
    """The tables for a profile have the driver and the address that it answers at."""
    named = "--ask" if driver == "chemyx-fusion" else "--host"
    words = ["discover", "--driver", driver, named, rig[driver]]
    done = click.testing.CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    devices = tomllib.loads(done.output.partition("for a profile\n")[2])["devices"]
    assert (driver, rig[driver]) in {(one["driver"], one["address"]) for one in devices.values()}
