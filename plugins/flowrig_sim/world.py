"""The fluidic world: one physical rig behind the emulated instruments of a profile."""

from collections.abc import Mapping
from functools import partial
from typing import Any, TypeVar

from flowrig.clock import Clock
from flowrig.emulation.world import HeaterBody, PumpBody, SpectrometerBody, World
from flowrig.errors import InputError
from flowrig.profile.model import Profile
from flowrig_sim.disturbances import Disturbances
from flowrig_sim.flow.slugs import SlugTrain
from flowrig_sim.fluid_state import FluidState
from flowrig_sim.instruments import CellBody, FluidAccess, Optics, PlateBody, PlungerBody
from flowrig_sim.noise import Drift, generator
from flowrig_sim.optics.detector import PL_COEFFICIENTS, UV_COEFFICIENTS, Detector
from flowrig_sim.optics.spectra import AbsorptionOptics, EmissionOptics
from flowrig_sim.places import bodies_of
from flowrig_sim.settings import FluidicSettings

__all__ = ["FluidicWorld"]

B = TypeVar("B")

SENSOR_SD_C, SENSOR_MEMORY_S = 0.03, 5.0
"""Standard deviation [°C] and memory [s] of the noise of a plate's sensor (assumed)."""


PUBLISHED_WINDOW_NM = (345.0, 700.0)
"""Window of the published photoluminescence area [nm]."""


class FluidicWorld(World):
    """Heat-up synthesis of Cs3Cu2I5 nanocrystals in segmented flow, from plungers to detectors.

    Volumes, syringes and wiring come from the profile. Chemistry, noise and optics come from this
    package, where the comment on each constant names its source: published, fitted, measured or
    assumed. The same profile, seed and commands give the same counts, bit for bit.

    Args:
        profile: the rig.
        settings: chemistry and amplitudes.
        clock: the run's clock; the world begins now, with the plate at room temperature, solvent
            in the premixing volume and carrier behind it.
        seed: seed of all noise.
        fill_ul: liquid [µL] in the syringes by stream; a stream without an entry has a full one.

    Raises:
        InputError: the rig of the profile cannot run this chemistry.
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
        self._fluid = FluidState(profile, settings, seed, fill_ul, start_s)
        access = FluidAccess(self._fluid, clock)
        self._syringes = {
            name: PlungerBody(self._fluid.plungers[name], access) for name in profile.streams
        }
        self._pumps = {one.pump: self._syringes[name] for name, one in profile.streams.items()}
        self._heaters = {
            name: PlateBody(
                plate,
                Drift(seed, name, settings.noise * SENSOR_SD_C, SENSOR_MEMORY_S, start_s),
                access,
            )
            for name, plate in self._fluid.plates.items()
        }
        self._spectrometers = _cell_bodies(
            profile, settings, seed, access, Disturbances(seed, settings.noise, start_s)
        )

        self._others = bodies_of(
            profile,
            clock,
            lambda: {name: body.rate_ul_min for name, body in self._syringes.items()},
            {name: partial(_temperature_c, plate) for name, plate in self._heaters.items()},
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
            InputError: the heater heats no component of the flow path.
        """
        return _known(self._heaters, device, "heater of the flow path")

    def spectrometer(self, device: str) -> SpectrometerBody:
        """The detector behind a flow cell.

        Raises:
            InputError: the analysis does not use the spectrometer.
        """
        return _known(self._spectrometers, device, "spectrometer at a flow cell that is analysed")

    def body(self, device: str) -> Any:
        """The body behind a device of another kind.

        Raises:
            InputError: there is no such device, or its kind offers no body.
        """
        return _known(self._others, device, "device of another kind, with a body,")

    def refill(self, stream: str) -> None:
        """Replace the syringe of a stream by a full one.

        Raises:
            InputError: there is no such stream.
        """
        _known(self._syringes, stream, "stream").refill()

    def truth(self, conditions: Mapping[str, float]) -> tuple[float, float]:
        """The result of a perfect measurement at steady state.

        Args:
            conditions: value of every variable of the profile's search space [°C, µL/min], by name.

        Returns:
            decadic absorbance at 300 nm, and photoluminescence area [counts·nm].
        """
        product = self._fluid.steady_product(conditions)
        return product.absorbance, product.area


def _cell_bodies(
    profile: Profile,
    settings: FluidicSettings,
    seed: int,
    access: FluidAccess,
    disturbances: Disturbances,
) -> dict[str, CellBody]:
    """A detector at every flow cell that the analysis uses, by spectrometer."""
    path = access.fluid.path
    bodies = {}
    for name, detector, optics in _detectors(profile, settings, seed):
        cell = path.cells.get(name)
        if cell is None:
            raise InputError(f"{profile.name}: the spectrometer {name!r} is at no flow cell")
        # "plugs", not "slugs": the name is part of the seed, so another would change all counts.
        rng = generator(seed, f"plugs at {name}")
        train = SlugTrain(path.reactor_bore_mm, cell.bore_mm, rng)
        bodies[name] = CellBody(
            cell, train, optics, detector, disturbances=disturbances, access=access
        )
    return bodies


def _detectors(
    profile: Profile, settings: FluidicSettings, seed: int
) -> list[tuple[str, Detector, Optics]]:
    """Name, detector and optics of every spectrometer of the analysis.

    One whose channel compares the sample with the lamp has the detector with the short wavelength
    range and looks through the cell at the lamp; every other one has the long range and looks at
    right angles to the LED.
    """
    found: dict[str, tuple[str, Detector, Optics]] = {}
    for channel in profile.analysis.channels.values():
        name, through = channel.device, channel.offer.needs_light
        if name in found:
            continue
        rng = generator(seed, f"detector {name}")
        coefficients = UV_COEFFICIENTS if through else PL_COEFFICIENTS
        detector = Detector(coefficients, rng, settings.noise)
        nm = detector.wavelengths_nm
        optics: Optics = AbsorptionOptics(nm)
        if not through:
            window_nm = _area_window_nm(profile, channel.name)
            optics = EmissionOptics(nm, window_nm, settings.pl_integration_time_us)
        found[name] = name, detector, optics
    return list(found.values())


def _area_window_nm(profile: Profile, channel: str) -> tuple[float, float]:
    """The window [nm] in which the area of an emission is that of the chemistry."""
    readings = (one for feature in profile.features.values() for one in feature.readings)
    areas = (one.window_nm for one in readings if one.channel == channel and one.how == "area")
    return next(areas, PUBLISHED_WINDOW_NM)


def _temperature_c(plate: PlateBody) -> float:
    return plate.temperature_c


def _known(bodies: Mapping[str, B], device: str, what: str) -> B:
    """The body of a device; an unknown device is an InputError that lists the known ones."""
    if device not in bodies:
        raise InputError(
            f"the fluidic world has no {what} called {device!r}; it has {', '.join(bodies)}"
        )
    return bodies[device]
