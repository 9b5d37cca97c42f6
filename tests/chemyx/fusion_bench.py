"""A bench for tests: the Fusion driver, the emulated pump on a real wire, and one plunger."""

from contextlib import contextmanager
from math import inf

from attrs import evolve, frozen
from fusion_time import FRONTS, LONG_S, Recorder, WireTime, leaping, timed_driver

from flowrig.clock import VirtualClock
from flowrig.emulation import EmulatorContext, World
from flowrig.interfaces import Syringe
from flowrig_chemyx.driver import ChemyxFusion
from flowrig_chemyx.emulator.emulator import ChemyxEmulator
from flowrig_chemyx.settings import FusionSettings

SYRINGE = Syringe(volume_ul=10_000.0, inner_diameter_mm=14.567)


class Plunger:
    """A plunger that moves at the flow rate of the last `push` until its syringe is empty."""

    def __init__(self, clock, fill_ul=inf, inner_diameter_mm=SYRINGE.inner_diameter_mm):
        self.inner_diameter_mm = inner_diameter_mm
        self.rate_ul_min = 0.0
        self._clock = clock
        self._full_ul = fill_ul
        self._since_s = clock.now_s()
        self._wanted_ul = 0.0

    @property
    def moved_ul(self):
        now_s = self._clock.now_s()
        self._wanted_ul += self.rate_ul_min * (now_s - self._since_s) / 60
        self._since_s = now_s
        return min(self._wanted_ul, self._full_ul)

    @property
    def fill_ul(self):
        return self._full_ul - self.moved_ul

    @property
    def stalled(self):
        return self.moved_ul < self._wanted_ul

    def push(self, rate_ul_min):
        self._wanted_ul = self.moved_ul
        self.rate_ul_min = rate_ul_min


class OnePlungerWorld(World):
    """A world with one plunger, which every pump moves, and no other instrument."""

    def __init__(self, plunger):
        self._plunger = plunger

    def pump(self, device):
        return self._plunger

    def heater(self, device):
        raise KeyError(device)

    def spectrometer(self, device):
        raise KeyError(device)


@frozen(kw_only=True)
class Bench:
    """The parts of the bench that a test uses."""

    pump: ChemyxFusion
    core: object
    wire: Recorder
    emulator: ChemyxEmulator
    plunger: Plunger
    clock: VirtualClock
    time: WireTime

    def other(self, *arguments, **settings):
        """A further driver of the same pump, with other settings."""
        changed = evolve(self.pump.settings, **settings)
        return timed_driver(self.time)("pump", changed, self.clock, *arguments)


@contextmanager
def bench(
    *,
    front="serial",
    variant=None,
    deadline_s=LONG_S,
    channel=None,
    uart=None,
    clock=None,
    **plunger,
):
    """A closed driver, connected to a running emulator."""
    clock = clock or VirtualClock()
    body = Plunger(clock, **plunger)
    settings = FusionSettings(address="", channel=channel, deadline_s=deadline_s)
    recorders = []

    def recording_front(core):
        recorders.append(Recorder(core))
        return FRONTS[front](recorders[0])

    context = EmulatorContext("pump", settings, OnePlungerWorld(body), clock)
    emulator = ChemyxEmulator(context, variant, recording_front, uart)
    wire_time = WireTime(recorders[0])
    with emulator, leaping(wire_time):
        pump = timed_driver(wire_time)("pump", evolve(settings, address=emulator.start()), clock)
        try:
            yield Bench(
                pump=pump,
                core=emulator.core,
                wire=recorders[0],
                emulator=emulator,
                plunger=body,
                clock=clock,
                time=wire_time,
            )
        finally:
            pump.close()


@contextmanager
def ready_bench(**options):
    """An open driver whose syringe is set."""
    with bench(**options) as setup:
        setup.pump.open()
        setup.pump.set_syringe(SYRINGE)
        yield setup
