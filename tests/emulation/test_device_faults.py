"""Device faults: of the bodies behind the instruments, and of the emulated instruments."""

import math
import socket

import numpy as np
import pytest

from flowrig.clock import RealClock, VirtualClock
from flowrig.emulation import BenchWorld, Detector, EmulatorContext, FaultyWorld, Plate, Plunger
from flowrig.errors import InputError
from flowrig.plugins.registry import Plugins
from flowrig.profile import load_profile
from flowrig_chemyx import FusionSettings
from flowrig_chemyx.emulator.emulator import ChemyxEmulator
from flowrig_sim.settings import FluidicSettings
from flowrig_sim.world import FluidicWorld
from flowrig_watlow import F4TSettings
from flowrig_watlow.emulator.emulator import F4TProtocol, WatlowEmulator

RIG = {"pump": "pump_cui", "heater": "plate", "spectrometer": "uv_vis"}


def bench_world(clock):
    """The simplest world; it accepts any device name."""
    return BenchWorld(Plunger(clock, fill_ul=100.0), Plate(clock), Detector()), dict(RIG)


def fluidic_world(clock):
    """The fluidic world, with the device names of its profile."""
    profile = load_profile("cs3cu2i5-heatup-chem3", Plugins.discover())
    world = FluidicWorld(profile, FluidicSettings(noise=0.0), clock, seed=1)
    return world, {
        "pump": profile.streams["CuI"].pump,
        "heater": next(c.heater for c in profile.path.values() if c.heater),
        "spectrometer": profile.analysis.photoluminescence.spectrometer,
    }


@pytest.fixture(params=[bench_world, fluidic_world])
def rig(request):
    """A world with faults, its clock, and the names of one device of each kind."""
    clock = VirtualClock()
    world, names = request.param(clock)
    return FaultyWorld(world), clock, names


def throw(world, device, fault, on=True):
    """Throw the switch of a fault behind a device."""
    world.faults(device)[fault].switch(on)


@pytest.mark.parametrize("fault", ["stall", "syringe-empty"])
def test_a_plunger_that_cannot_move_stands_still_and_reports_a_stall(rig, fault):
    """Nothing is delivered during the fault, and the flow continues after it."""
    world, clock, names = rig
    pump = world.pump(names["pump"])
    pump.push(60.0)
    clock.sleep(10.0)
    throw(world, names["pump"], fault)
    moved_ul = pump.moved_ul
    clock.sleep(10.0)
    assert moved_ul == pytest.approx(10.0)
    assert (pump.moved_ul, pump.stalled) == (moved_ul, True)
    assert (pump.fill_ul == 0.0) == (fault == "syringe-empty")
    throw(world, names["pump"], fault, False)
    clock.sleep(10.0)
    assert not pump.stalled
    assert pump.moved_ul == pytest.approx(20.0)


def test_a_plunger_that_slips_delivers_less_than_it_counts(rig):
    """A tenth less while it slips; the motor counts on."""
    world, clock, names = rig
    pump = world.pump(names["pump"])
    fill_ul = pump.fill_ul
    pump.push(60.0)
    clock.sleep(10.0)
    throw(world, names["pump"], "slips")
    clock.sleep(10.0)
    throw(world, names["pump"], "slips", False)
    clock.sleep(10.0)
    assert pump.moved_ul == pytest.approx(30.0)
    assert fill_ul - pump.fill_ul == pytest.approx(29.0)


@pytest.mark.parametrize("fault", ["frozen-sensor", "open-sensor", "heater-stuck-on"])
def test_a_heater_fault_changes_the_true_temperature(rig, fault):
    """A wrong reading heats or cools the plate, and a stuck heater heats it."""
    world, clock, names = rig
    heater = world.heater(names["heater"])
    heater.control(60.0)
    clock.sleep(20.0)
    before_c = heater.temperature_c
    throw(world, names["heater"], fault)
    clock.sleep(600.0)
    shown_c = heater.temperature_c
    throw(world, names["heater"], fault, False)
    true_c = heater.temperature_c
    if fault == "frozen-sensor":
        assert shown_c == before_c < 60.0 < true_c
    elif fault == "open-sensor":
        assert math.isnan(shown_c)
        assert true_c < 60.0
    else:
        assert shown_c == true_c > 60.0
    clock.sleep(10_000.0)
    assert heater.temperature_c == pytest.approx(60.0, abs=1.0)


@pytest.mark.parametrize("fault", ["lamp-off", "saturation", "frozen-sensor"])
def test_a_spectrometer_fault_changes_the_counts(rig, fault):
    """Darkness, full scale, or the same frame again; sound frames after the fault."""
    world, _, names = rig
    spectrometer = world.spectrometer(names["spectrometer"])
    lit = spectrometer.expose(8_000)
    throw(world, names["spectrometer"], fault)
    seen = spectrometer.expose(16_000)
    spectrometer.light(True)
    still = spectrometer.expose(16_000)
    throw(world, names["spectrometer"], fault, False)
    if fault == "lamp-off":
        assert seen.max() < 2_000
        np.testing.assert_allclose(still.astype(float), seen, atol=100)
    elif fault == "saturation":
        assert seen.min() == still.min() == 65_535
    else:
        np.testing.assert_array_equal(seen, lit)
    assert spectrometer.expose(8_000).mean() == pytest.approx(lit.mean(), rel=0.2)


def test_every_instrument_of_a_kind_has_the_faults_of_its_body():
    """An emulator has the faults of its body besides those that it adds."""
    clock = VirtualClock()
    context = EmulatorContext("p", FusionSettings(address=""), bench_world(clock)[0], clock)
    emulator = ChemyxEmulator(context)
    assert set(emulator.fault_switches()) == {
        "slips",
        "stall",
        "syringe-empty",
        "power-cycle",
        "wrong-baud",
        "silent-refusal",
        "nack",
        "panel-rate",
        "panel-start",
        "panel-delay",
        "half-request",
    }


def fusion(clock=None):
    """An emulated Fusion, its clock, and a function that sends a request over its wire."""
    clock = clock or VirtualClock()
    settings = FusionSettings(address="")
    context = EmulatorContext("p", settings, bench_world(clock)[0], clock)
    emulator = ChemyxEmulator(context)
    way = context.tap(emulator.core)
    return emulator, clock, lambda request: way.feed(request.encode() + b"\r")


@pytest.mark.parametrize(
    ("fault", "request_", "shown"),
    [
        ("silent-refusal", "set primerate 7", b"primerate = 0.000000"),
        ("nack", "status", b"Invalid Command!"),
        ("wrong-baud", "status", bytes(c | 0x80 for c in b"status\r")),
        ("power-cycle", "view parameter", b"dia = 14.570"),
        ("stall", "status", b"\n4\r\n"),
        ("syringe-empty", "status", b"\n4\r\n"),
    ],
)
def test_a_fusion_shows_its_faults(fault, request_, shown):
    """Each fault of the pump shows in its answers, and `heal` ends it."""
    emulator, clock, ask = fusion()
    for request in ("set units 2", "set diameter 20", "set volume 50", "set rate 60", "start"):
        ask(request)
    clock.sleep(1.0)
    before = b"" if fault == "silent-refusal" else ask(request_)
    emulator.inject(fault)
    assert shown in ask(request_)
    assert shown not in before
    emulator.heal()
    if fault in ("nack", "wrong-baud", "silent-refusal"):
        assert shown not in ask(request_)


@pytest.mark.parametrize(
    ("fault", "question", "answer"),
    [
        ("open-sensor", ":SOURCE:CLOOP1:ERROR?", b"ERROR\n"),
        ("nack", ":SOURCE:CLOOP1:PVALUE?", b"ERROR\n"),
        ("silent-refusal", ":SOURCE:CLOOP1:SPOINT 90\n:SOURCE:CLOOP1:SPOINT?", b"20.00\n"),
    ],
)
def test_an_f4t_shows_its_faults(fault, question, answer):
    """Each fault of the controller shows in its SCPI answers."""
    clock = VirtualClock()
    settings = F4TSettings(address="unused")
    emulator = WatlowEmulator(EmulatorContext("h", settings, bench_world(clock)[0], clock))
    emulator.switch(fault)
    assert F4TProtocol(emulator.controller).feed(f"{question}\n".encode()) == answer


def test_a_fault_of_the_instrument_comes_and_goes_with_the_exchanges():
    """A planned device fault is on before the instrument receives the requests it applies to."""
    emulator, _, ask = fusion()
    emulator.inject("nack after=1 times=2")
    refused = [b"Invalid" in ask("status") for _ in range(4)]
    assert refused == [False, True, True, False]


def test_on_a_real_clock_a_fault_begins_without_an_exchange():
    """On a real clock a fault begins at its time, also without a request."""
    emulator, clock, ask = fusion(RealClock())
    for request in ("set units 2", "set diameter 14.567", "set volume 50", "set rate 60", "start"):
        ask(request)
    emulator.inject(f"stall at_s={clock.now_s() + 0.05}")
    pump = emulator.context.world.pump("p")
    while not pump.stalled:
        clock.sleep(0.01)
    assert b"4" in ask("status")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "unknown fault ''"),
        ("mut", "did you mean 'mute'"),
        ("stal", "did you mean 'stall'"),
        ("mute aftr=1", "did you mean 'after'"),
        ("mute after", "expected key=value"),
        ("mute after=x", "expected a whole number"),
        ("mute chance=2", "chance"),
        ("drop byte=-1", "byte"),
        ("stall byte=1", "unknown key 'byte'"),
        ("mute link=modbus", "unknown link"),
    ],
)
def test_an_unknown_fault_is_refused_with_a_suggestion(text, message):
    """The error for a misspelt fault, key or value names the right one."""
    emulator, _, _ = fusion()
    with pytest.raises(InputError, match=message):
        emulator.inject(text)
    with pytest.raises(InputError):
        emulator.switch(text)


def connected(host, port):
    """A connection, as soon as the port is open again."""
    while True:
        try:
            return socket.create_connection((host, port), timeout=60.0)
        except ConnectionRefusedError:
            continue


def test_a_power_cycle_in_the_middle_of_an_exchange_hangs_up_and_answers_again():
    """The client finds the connection closed, and the same address answers the next one."""
    clock = VirtualClock()
    settings = F4TSettings(address="unused")
    with WatlowEmulator(EmulatorContext("h", settings, bench_world(clock)[0], clock)) as emulator:
        served = emulator.serve()
        emulator.inject("power-cycle after=1 times=1")
        for expected in (b"20.00\n", b"", b"20.00\n"):
            with connected(served.host, served.port) as client:
                client.sendall(b":SOURCE:CLOOP1:SPOINT?\n")
                try:
                    assert client.recv(100) == expected
                except ConnectionError:
                    assert expected == b""
