"""A bench with one emulated HDX on loopback, whose detector the test holds in its hands."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from attrs import define, field
from numpy.typing import NDArray

from flowrig.clock import VirtualClock
from flowrig.emulation import EmulatorContext, SpectrometerBody, World
from flowrig_ocean import HdxSettings
from flowrig_ocean.emulator import HdxEmulator, HdxInstrument

if find_spec("seabreeze") is None or find_spec("usb") is None:
    collect_ignore_glob = ["test_*.py"]

NUM_PIXELS = 2068


@define
class Detector:
    """A detector that shows `scene`, or else its own integration time in every pixel [1/10 ms]."""

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
        address: where it listens.
        clock: virtual time.
        detector: what the instrument sees.
        instrument: its state and its faults.
    """

    address: str
    clock: VirtualClock
    detector: Detector
    instrument: HdxInstrument

    def spectrometer(self, **settings: Any) -> Any:
        """A driver for this instrument, not open yet."""
        from flowrig_ocean.driver import OceanHdx

        return OceanHdx("hdx", HdxSettings(address=self.address, **settings), self.clock)


@contextmanager
def bench_with_hdx() -> Iterator[Bench]:
    clock, detector = VirtualClock(), Detector()
    context = EmulatorContext(
        "hdx", HdxSettings(address="127.0.0.1"), DetectorWorld(detector), clock
    )
    with HdxEmulator(context) as emulator:
        yield Bench(emulator.start(), clock, detector, emulator.instrument)


@pytest.fixture
def bench() -> Iterator[Bench]:
    """One emulated HDX."""
    with bench_with_hdx() as bench:
        yield bench


@pytest.fixture(scope="module")
def shared_bench() -> Iterator[Bench]:
    """One emulated HDX for a whole module, for properties that leave nothing behind."""
    with bench_with_hdx() as bench:
        yield bench
