"""A bench with one emulated HDX, on loopback or a virtual USB, and its detector."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from attrs import define, field
from numpy.typing import NDArray
from patience import LONG_S

from flowrig.clock import VirtualClock
from flowrig.emulation import EmulatorContext, SpectrometerBody, World
from flowrig.testing.bench.tap import Tap
from flowrig_ocean import HdxSettings
from flowrig_ocean.emulator.emulator import HdxEmulator
from flowrig_ocean.emulator.instrument import HdxInstrument
from flowrig_ocean.emulator.variant import HdxVariant

NUM_PIXELS = 2068


@define
class Detector:
    """A detector that shows `scene`; without one, the integration time in every pixel [0.1 ms]."""

    wavelength_coefficients: tuple[float, ...] = (195.2096, 0.372739, -4.12918e-5, 2.30361e-9)
    scene: NDArray[np.uint16] | None = None
    lit: bool = False
    exposures_us: list[int] = field(factory=list)

    def light(self, on: bool) -> None:
        self.lit = on

    def expose(self, integration_time_us: int) -> NDArray[np.uint16]:
        self.exposures_us.append(integration_time_us)
        if self.scene is not None:
            return self.scene
        return np.full(NUM_PIXELS, integration_time_us // 100, dtype=np.uint16)


@define
class DetectorWorld(World):
    detector: Detector

    def pump(self, device: str) -> Any:
        raise LookupError(device)

    def heater(self, device: str) -> Any:
        raise LookupError(device)

    def spectrometer(self, device: str) -> SpectrometerBody:
        return self.detector


@define
class Bench:
    """An emulated HDX and what a driver needs to reach it.

    Attributes:
        address: address of the emulator.
        clock: virtual time.
        detector: detector of the instrument.
        instrument: state and faults of the instrument.
        tap: place on the wire for faults.
    """

    address: str
    clock: VirtualClock
    detector: Detector
    instrument: HdxInstrument
    tap: Tap

    def spectrometer(self, **settings: Any) -> Any:
        """A driver for this instrument, not open yet."""
        from flowrig_ocean.driver import OceanHdx

        settings = {"deadline_s": LONG_S, **settings}
        return OceanHdx("hdx", HdxSettings(address=self.address, **settings), self.clock)


@contextmanager
def bench_with_hdx(
    address: str = "127.0.0.1",
    device: str = "hdx",
    variant: HdxVariant | None = None,
) -> Iterator[Bench]:
    """A running emulator; on the virtual USB if the address is "usb"."""
    clock, detector = VirtualClock(), Detector()
    tap = Tap(clock)
    context = EmulatorContext(
        device,
        HdxSettings(address=address),
        DetectorWorld(detector),
        clock,
        tap.wrap,
    )
    with HdxEmulator(context, variant or HdxVariant()) as emulator:
        yield Bench(emulator.start(), clock, detector, emulator.instrument, tap)
