"""One physical world behind the emulated instruments of a segmented-flow rig."""

from collections.abc import Mapping
from typing import TypeVar

from flowrig.clock import Clock
from flowrig.emulation.world import HeaterBody, PumpBody, SpectrometerBody, World
from flowrig.errors import InputError
from flowrig.profile.model import Profile
from flowrig_sim.bodies import CellBody, Moment, Optics, PlateBody, PlungerBody
from flowrig_sim.detector import PL_COEFFICIENTS, UV_COEFFICIENTS, Detector
from flowrig_sim.disturbances import Disturbances
from flowrig_sim.noise import Drift, generator
from flowrig_sim.optics import AbsorptionOptics, EmissionOptics
from flowrig_sim.plugs import PlugTrain
from flowrig_sim.process import Process
from flowrig_sim.settings import FluidicSettings

__all__ = ["FluidicWorld"]

B = TypeVar("B")

SENSOR_SD_C, SENSOR_MEMORY_S = 0.03, 5.0
"""Noise of the plate's sensor [°C] and its memory (assumed)."""


class FluidicWorld(World):
    """Cs3Cu2I5 nanocrystals by heat-up in segmented flow, from plungers to detectors.

    The rig, its volumes, syringes and wiring come from the profile; chemistry, noise and optics
    come from this package, where every constant says whether it is published, fitted or assumed.
    The same profile, seed and commands give the same counts, bit for bit.

    Args:
        profile: the rig.
        settings: chemistry and amplitudes.
        clock: the run's clock; the world begins now, with the plate at room temperature, solvent
            in the mixer and carrier behind it.
        seed: every noise follows from it.
        fill_ul: liquid left [µL] by stream; full syringes where a stream is not named.

    Raises:
        InputError: the profile does not describe the rig that this chemistry runs on.
    """

    def __init__(
        self,
        profile: Profile,
        settings: FluidicSettings,
        clock: Clock,
        seed: int,
        fill_ul: Mapping[str, float] | None = None,
    ) -> None:
        start_s = clock.now_s()
        self._process = Process(profile, settings, seed, fill_ul, start_s)
        moment = Moment(self._process, clock)
        self._syringes = {
            name: PlungerBody(self._process.plungers[name], moment) for name in profile.streams
        }
        self._pumps = {one.pump: self._syringes[name] for name, one in profile.streams.items()}
        self._heaters = {
            name: PlateBody(
                plate,
                Drift(seed, name, settings.noise * SENSOR_SD_C, SENSOR_MEMORY_S, start_s),
                moment,
            )
            for name, plate in self._process.plates.items()
        }
        self._spectrometers = _cell_bodies(
            profile, settings, seed, moment, Disturbances(seed, settings.noise, start_s)
        )

    def pump(self, device: str) -> PumpBody:
        """The plunger behind a pump.

        Raises:
            InputError: the pump drives no stream.
        """
        return _known(self._pumps, device, "pump that drives a stream")

    def heater(self, device: str) -> HeaterBody:
        """The plate behind a heater.

        Raises:
            InputError: the heater heats nothing.
        """
        return _known(self._heaters, device, "heater of the flow path")

    def spectrometer(self, device: str) -> SpectrometerBody:
        """The detector behind a flow cell.

        Raises:
            InputError: the spectrometer looks at no flow cell, or the analysis does not use it.
        """
        return _known(self._spectrometers, device, "spectrometer at a flow cell that is analysed")

    def refill(self, stream: str) -> None:
        """A full syringe in the place of the one that drives a stream.

        Raises:
            InputError: there is no such stream.
        """
        _known(self._syringes, stream, "stream").refill()

    def truth(self, conditions: Mapping[str, float]) -> tuple[float, float]:
        """What a perfect measurement at steady state would find.

        Args:
            conditions: value of every variable of the profile's search space, by name [°C, µL/min].

        Returns:
            absorbance at 300 nm, and photoluminescence area [counts·nm].
        """
        product = self._process.steady_product(conditions)
        return product.absorbance, product.area


def _cell_bodies(
    profile: Profile,
    settings: FluidicSettings,
    seed: int,
    moment: Moment,
    disturbances: Disturbances,
) -> dict[str, CellBody]:
    """A detector at every flow cell that the analysis uses, by spectrometer."""
    path = moment.process.path
    bodies = {}
    for name, detector, optics in _detectors(profile, settings, seed):
        cell = path.cells.get(name)
        if cell is None:
            raise InputError(f"{profile.name}: the spectrometer {name!r} is at no flow cell")
        train = PlugTrain(path.reactor_bore_mm, cell.bore_mm, generator(seed, f"plugs at {name}"))
        bodies[name] = CellBody(
            cell, train, optics, detector, disturbances=disturbances, moment=moment
        )
    return bodies


def _detectors(
    profile: Profile, settings: FluidicSettings, seed: int
) -> list[tuple[str, Detector, Optics]]:
    """The two spectrometers of the analysis: short range for absorbance, long for emission."""
    absorbance, emission = profile.analysis.absorbance, profile.analysis.photoluminescence
    names = absorbance.spectrometer, emission.spectrometer
    uv, long = (
        Detector(coefficients, generator(seed, f"detector {name}"), settings.noise)
        for name, coefficients in zip(names, (UV_COEFFICIENTS, PL_COEFFICIENTS), strict=True)
    )
    emitted = EmissionOptics(
        long.wavelengths_nm, emission.area_window_nm, settings.pl_integration_time_us
    )
    return [(names[0], uv, AbsorptionOptics(uv.wavelengths_nm)), (names[1], long, emitted)]


def _known(bodies: Mapping[str, B], device: str, what: str) -> B:
    if device not in bodies:
        raise InputError(
            f"the fluidic world has no {what} called {device!r}; it has {', '.join(bodies)}"
        )
    return bodies[device]
