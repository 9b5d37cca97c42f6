"""Pumps, controllers, actuators, stages and sensors of other makers: found, nothing moves."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from patience import LONG_S

from flowrig.interfaces import Identity
from flowrig.plugins.registry import Plugins
from flowrig.rig.discovery import ALL, Discovery, Found, NoAnswer, survey
from flowrig.testing import KindBench, Mute, PumpBench
from flowrig_alicat.discovery import find_controllers
from flowrig_alicat.driver import AlicatController
from flowrig_alicat.emulator import AlicatEmulator
from flowrig_alicat.settings import AlicatSettings
from flowrig_chemyx.driver import ChemyxFusion
from flowrig_chemyx.emulator.emulator import ChemyxEmulator
from flowrig_chemyx.settings import FusionSettings
from flowrig_kinds.bodies import (
    FlowControllerBody,
    FlowSourceBody,
    SensorBody,
    StageBody,
    ValveBody,
)
from flowrig_newera.discovery import find_pumps
from flowrig_newera.driver import NewEraPump
from flowrig_newera.emulator.emulator import NewEraEmulator
from flowrig_newera.settings import NewEraSettings
from flowrig_sensors.discovery import find_modbus, find_scpi
from flowrig_sensors.driver import ScpiSensor
from flowrig_sensors.emulator import ScpiSensorEmulator
from flowrig_sensors.modbus_driver import ModbusSensor
from flowrig_sensors.modbus_emulator import ModbusSensorEmulator
from flowrig_sensors.modbus_settings import ModbusRegister, ModbusSensorSettings
from flowrig_sensors.settings import ScpiChannel, ScpiSensorSettings
from flowrig_serial import discovery
from flowrig_ssi.discovery import find_pumps as find_hplc_pumps
from flowrig_ssi.driver import SSIPump
from flowrig_ssi.emulator import SSIEmulator
from flowrig_ssi.settings import SSISettings
from flowrig_vici.discovery import find_actuators
from flowrig_vici.driver import ViciValve
from flowrig_vici.emulator import DIALECTS, ViciEmulator
from flowrig_vici.settings import ViciSettings
from flowrig_zaber.discovery import find_stages
from flowrig_zaber.driver import ZaberStage
from flowrig_zaber.emulator import ZaberEmulator
from flowrig_zaber.settings import ZaberSettings

SERIAL = ("alicat", "chemyx-fusion", "new-era", "ssi-hplc", "vici", "zaber")


def new_era(**settings: Any) -> AbstractContextManager[Any]:
    """A pump on a wire."""
    return PumpBench(NewEraPump, NewEraEmulator, NewEraSettings(address="", **settings))


def alicat() -> AbstractContextManager[Any]:
    """A flow controller on a wire."""
    settings = AlicatSettings(address="", full_scale=5.0)
    return KindBench(AlicatController, AlicatEmulator, settings, body=FlowControllerBody)


def vici(dialect: str = "euta") -> AbstractContextManager[Any]:
    """A valve on a wire."""
    settings = ViciSettings(address="", positions={"run": 1, "fill": 2})
    emulator = partial(ViciEmulator, variant=DIALECTS[dialect])
    return KindBench(ViciValve, emulator, settings, body=ValveBody)


def ssi() -> AbstractContextManager[Any]:
    """An HPLC pump on a wire."""
    settings = SSISettings(address="", flow_rate_max_ul_min=10_000.0)
    return KindBench(SSIPump, SSIEmulator, settings, body=FlowSourceBody)


def zaber() -> AbstractContextManager[Any]:
    """A stage on a wire."""
    settings = ZaberSettings(address="", microstep_um=0.5, limits_mm=(0.0, 150.0))
    return KindBench(ZaberStage, ZaberEmulator, settings, body=StageBody)


def fusion() -> AbstractContextManager[Any]:
    """A Fusion on a wire."""
    return PumpBench(ChemyxFusion, ChemyxEmulator, FusionSettings(address="", baud=38400))


def scpi() -> AbstractContextManager[Any]:
    """A SCPI sensor on a socket."""
    settings = ScpiSensorSettings(address="", channels={"pressure": ScpiChannel(query="P?")})
    return KindBench(ScpiSensor, ScpiSensorEmulator, settings, body=SensorBody)


def modbus(protocol: str) -> AbstractContextManager[Any]:
    """A Modbus sensor on a socket or a wire."""
    settings = ModbusSensorSettings(
        address="", protocol=protocol, channels={"pressure": ModbusRegister(register=10)}
    )
    return KindBench(ModbusSensor, ModbusSensorEmulator, settings, body=SensorBody)


@pytest.fixture(autouse=True)
def no_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulators' own end of a pseudo-terminal counts for nothing."""
    monkeypatch.setattr(discovery, "owners", lambda device: [])


@pytest.fixture
def patient_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines for a busy machine."""
    for module in ("alicat", "newera", "ssi", "vici", "zaber"):
        monkeypatch.setattr(f"flowrig_{module}.discovery.DEADLINE_S", LONG_S)


@pytest.mark.usefixtures("patient_looks")
@pytest.mark.parametrize(
    ("bench", "find", "model", "keys", "said"),
    [
        (alicat, find_controllers, "mass flow controller", {"controller": "A", "baud": 19200},
         {b"A?", b"AVE", b"A"}),
        (zaber, find_stages, "axis 1", {"device": 1, "axis": 1, "baud": 115200},
         {b"/1 1 ?", b"/1 0 01 get version", b"/1 1 03 get limit.max"}),
        (ssi, find_hplc_pumps, "HPLC pump", {"flow_rate_max": "10 mL/min"}, {b"?", b"MF", b"ID"}),
        (vici, find_actuators, "multiposition actuator", {"baud": 9600},
         {b"?", b"VR", b"CP", b"NP"}),
        (partial(vici, "two-position"), find_actuators, "two-position actuator", {"baud": 9600},
         {b"?", b"VR", b"CP", b"NP"}),
        pytest.param(partial(vici, "ehma"), find_actuators, "multiposition actuator",
                     {"baud": 9600}, {b"?", b"VR", b"CP", b"NP"}, marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_an_instrument_on_a_serial_port_is_found(
    bench: Any, find: Any, model: str, keys: dict[str, Any], said: set[bytes]
) -> None:
    """With the settings that open it; only questions are sent."""
    with bench() as kit:
        address = kit.driver.settings.address
        attached = SimpleNamespace(device=address, serial_number="A1", description="n/a")
        (found,) = find(Discovery(ports=["usb:A1"], deadline_s=LONG_S), lambda: [attached])
        assert isinstance(found, Found)
        assert found.identity is not None
        assert (found.address, found.identity.model, found.settings) == ("usb:A1", model, keys)
        assert {*kit.tap.sent.split(b"\r")} - {b""} <= said


def test_pumps_on_a_chain_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """From address 0 on; the pump is asked for its version, and stands still."""
    monkeypatch.setattr("flowrig_newera.discovery.DEADLINE_S", 2.0)
    with new_era() as kit:
        address = kit.driver.settings.address
        (found,) = find_pumps(Discovery(ports=[address]), list)
        assert isinstance(found, Found)
        assert found.identity == Identity("New Era", "NE-1000", firmware=found.identity.firmware)
        assert found.settings == {"baud": 19200, "pump": 0}
        assert b"RUN" not in kit.tap.sent
        assert b"0VER" in kit.tap.sent
        assert kit.plunger.starts == 0


def test_silence_is_told() -> None:
    """The port is listed all the same."""
    with vici() as kit, kit.tap.through(Mute()):
        listed, silent = find_actuators(Discovery(ports=[kit.driver.settings.address]), list)
    assert isinstance(listed, Found)
    assert listed.identity is None
    assert isinstance(silent, NoAnswer)
    assert "no actuator without an ID answers at 9600 baud" in silent.reason


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bench", "driver"),
    [
        (new_era, "new-era"),
        (alicat, "alicat"),
        (fusion, "chemyx-fusion"),
        (vici, "vici"),
        (ssi, "ssi-hplc"),
        (zaber, "zaber"),
    ],
)
def test_every_instrument_survives_the_questions_of_all_drivers(bench: Any, driver: str) -> None:
    """Its own driver alone finds it, and nothing has moved, whoever asked before."""
    offers = [one for name, one in Plugins.discover().drivers().items() if name in SERIAL]
    with bench() as kit:
        address = kit.driver.settings.address
        result = survey(offers, Discovery(ports=[address]), patience_s=120.0)
        assert [one.driver for one in result.found if one.identity is not None] == [driver]
        assert not result.skipped
        if isinstance(kit, PumpBench):
            assert kit.plunger.starts == 0
        else:
            assert getattr(kit.body, "turns", 0) == getattr(kit.body, "told", 0) == 0


def test_who_can_do_least_harm_asks_first() -> None:
    """New Era pumps have addresses, Alicat controllers letters; `CP` is a command to the latter.

    An SSI pump may take the `status` of Chemyx for `ST`, stop.
    """
    drivers = Plugins.discover().drivers()
    order = sorted(SERIAL, key=lambda name: drivers[name].discover_order)
    assert order == ["new-era", "alicat", "ssi-hplc", "vici", "zaber", "chemyx-fusion"]
    hosts = [drivers[name].discover_order for name in ("watlow-f4t", "scpi-sensor")]
    assert hosts == sorted(hosts)
    assert hosts[0] < hosts[1]


def test_a_scpi_instrument_is_found() -> None:
    """By its identity alone; a host that another driver knows is not asked again."""
    with scpi() as kit:
        address = kit.driver.settings.address
        ask = Discovery(hosts=[address], deadline_s=LONG_S, is_narrowed=True)
        (found,) = find_scpi(ask)
        assert isinstance(found, Found)
        one = found.identity
        assert one is not None
        assert (one.vendor, one.model, one.firmware) == ("ACME INSTRUMENTS", "GAUGE 1", "1.00")
        assert kit.tap.sent == b"*IDN?\n"
        assert not list(find_scpi(ask))  # it is known by now


@pytest.mark.usefixtures("no_ports")
def test_a_modbus_instrument_tells_its_name() -> None:
    """On a socket, by the request that Modbus has for it; no register is read."""
    with modbus("tcp") as kit:
        address = kit.driver.settings.address
        ask = Discovery(hosts=[address], deadline_s=LONG_S, is_narrowed=True)
        (one,) = find_modbus(ask)
        assert isinstance(one, Found)
        assert one.identity == Identity("ACME", "GAUGE-M", firmware="1.0")
        assert one.settings == {"protocol": "tcp", "station": 1}
        assert kit.tap.sent.endswith(b"\x2b\x0e\x01\x00")


@pytest.fixture
def no_ports(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A computer without serial ports."""
    monkeypatch.setattr("flowrig_serial.port.comports", list)
    return iter([None])


@pytest.mark.usefixtures("no_ports")
def test_a_serial_line_gets_modbus_only_where_a_person_wants_it() -> None:
    """Its bytes are no text; a register is read, and the first reply shows what it is."""
    with modbus("rtu") as kit:
        address = kit.driver.settings.address
        for ports in ([address], [ALL]):
            assert not list(find_modbus(Discovery(ports=ports)))
        assert not kit.tap.sent
        ask = Discovery(ports=[address], deadline_s=LONG_S, is_narrowed=True)
        (found,) = find_modbus(ask)
        assert isinstance(found, Found)
        assert found.identity == Identity("unknown", "Modbus instrument")
        assert found.settings == {"station": 1, "baud": 9600}


@pytest.mark.usefixtures("no_ports")
@pytest.mark.parametrize("find", [find_scpi, find_modbus])
def test_a_host_without_an_instrument_is_told(find: Any, free_address: str) -> None:
    """One line, with the reason."""
    (answer,) = find(Discovery(hosts=[free_address], deadline_s=LONG_S, is_narrowed=True))
    assert isinstance(answer, NoAnswer)
    assert answer.address == free_address
    assert answer.reason
