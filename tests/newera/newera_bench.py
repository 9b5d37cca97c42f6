"""A bench for tests: the New Era driver, emulated pumps on a real wire, and one plunger."""

from contextlib import contextmanager
from functools import partial
from unittest.mock import patch

from attrs import evolve, frozen
from fusion_time import LONG_S, Recorder, WireTime

from flowrig.clock import VirtualClock
from flowrig.emulation import BenchWorld, Detector, EmulatorContext, Plate, Plunger, serial_front
from flowrig.interfaces import Syringe
from flowrig.testing import PumpBench
from flowrig_newera.driver import NewEraPump
from flowrig_newera.emulator.emulator import NewEraEmulator
from flowrig_newera.settings import NewEraSettings
from flowrig_newera.wire import chain

SYRINGE = Syringe(volume_ul=10_000.0, inner_diameter_mm=14.5)
PATIENCE_S = 120.0


def timed_driver(wire_time):
    """A driver class whose deadlines use the time of the wire."""

    class Timed(NewEraPump):
        def _do_open(self):
            if self.wire.listener is None:
                self.wire.listener = wire_time.hear
            wire_time.begin()
            super()._do_open()

    return Timed


@contextmanager
def conformance_bench(variant=None, **settings):
    """The conformance kit's bench with a driver whose deadlines use the time of the wire."""
    recorder = Recorder(None)
    wire_time = WireTime(recorder)

    def recording_front(core):
        recorder.core = core
        return serial_front(recorder)

    emulator = partial(NewEraEmulator, variant=variant, new_front=recording_front)
    settings = NewEraSettings(address="", **{"deadline_s": LONG_S, **settings})
    with (
        patch.object(chain, "time", wire_time),
        PumpBench(
            timed_driver(wire_time), emulator, settings, withdraws=True, patience_s=PATIENCE_S
        ) as kit,
    ):
        yield kit


@frozen(kw_only=True)
class Bench:
    """The parts of the bench that a test uses."""

    pump: NewEraPump
    wire: Recorder
    emulator: NewEraEmulator
    plunger: Plunger
    clock: VirtualClock
    time: WireTime

    @property
    def motor(self):
        return self.emulator.pumps[0].motor

    def sent(self):
        """The requests that reached the pump since the last call, without line ends."""
        received, self.wire.received = self.wire.received, b""
        return [line.decode("latin-1") for line in received.split(b"\r") if line]

    def other(self, **settings):
        """A further driver on the same line, with other settings."""
        return timed_driver(self.time)("other", evolve(self.pump.settings, **settings), self.clock)


@contextmanager
def bench(variant=None, *, baud=None, fill_ul=None, **settings):
    """A closed driver, connected to running emulated pumps."""
    clock = VirtualClock()
    world = BenchWorld(Plunger(clock), Plate(clock), Detector())
    world.plunger.inner_diameter_mm = SYRINGE.inner_diameter_mm
    settings = NewEraSettings(address="", **{"deadline_s": LONG_S, **settings})
    recorders = []

    def recording_front(core):
        recorders.append(Recorder(core))
        return serial_front(recorders[0])

    context = EmulatorContext("pump", settings, world, clock)
    emulator = NewEraEmulator(context, variant, recording_front, baud)
    wire_time = WireTime(recorders[0])
    with emulator, patch.object(chain, "time", wire_time):
        pump = timed_driver(wire_time)("pump", evolve(settings, address=emulator.start()), clock)
        try:
            yield Bench(
                pump=pump,
                wire=recorders[0],
                emulator=emulator,
                plunger=world.plunger,
                clock=clock,
                time=wire_time,
            )
        finally:
            pump.close()


@contextmanager
def ready_bench(variant=None, **options):
    """An open driver whose syringe is set."""
    with bench(variant, **options) as setup:
        setup.pump.open()
        setup.pump.set_syringe(SYRINGE)
        yield setup
