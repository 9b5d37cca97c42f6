"""The fluidic world: one physical rig behind the emulated instruments of a profile."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from flowrig.clock import Clock
from flowrig.emulation.world import HeaterBody, PumpBody, SpectrometerBody, World
from flowrig.errors import InputError
from flowrig.profile.model import Profile
from flowrig_sim.disturbances import Disturbances
from flowrig_sim.exposures import Exposures
from flowrig_sim.flow.flowpath import FALLBACK_BORE_MM
from flowrig_sim.flow.lines import uneven
from flowrig_sim.flow.slugs import SlugTrain
from flowrig_sim.fluid_state import FluidState, absorbance_nm, spare_plunger
from flowrig_sim.instruments import CellBody, FluidAccess, PlateBody, PlungerBody
from flowrig_sim.noise import Drift, generator
from flowrig_sim.off_line import Analyses
from flowrig_sim.optics.detector import PL_COEFFICIENTS, UV_COEFFICIENTS, Detector
from flowrig_sim.optics.spectra import AbsorptionOptics, EmissionOptics
from flowrig_sim.places import Doings, bodies_of, values_of_devices
from flowrig_sim.settings import FluidicSettings
from flowrig_sim.views import View

__all__ = ["FluidicWorld"]

B = TypeVar("B")

SENSOR_SD_C, SENSOR_MEMORY_S = 0.03, 5.0
"""Standard deviation [°C] and memory [s] of the noise of a plate's sensor (assumed)."""


class FluidicWorld(World):
    """The wet side of a rig, from plungers to detectors; a chemistry says what the liquids become.

    Streams, volumes, syringes and wiring come from the profile. Noise and optics come from this
    package, where the comment on each constant names its source: published, fitted, measured or
    assumed. The same profile, seed and commands give the same counts, bit for bit.

    Args:
        profile: the rig.
        settings: chemistry and amplitudes.
        clock: the run's clock; the world begins now, with heaters at room temperature, solvent in
            the volumes without carrier, and carrier in all others.
        seed: seed of all noise.
        fill_ul: liquid [µL] in the syringes by stream; a stream without an entry has a full one.

    Raises:
        InputError: the rig cannot show this chemistry.
    """

    def __init__(
        self,
        profile: Profile,
        settings: FluidicSettings,
        clock: Clock,
        seed: int,
        fill_ul: Mapping[str, float] | None = None,
    ) -> None:
        profile, start_s = uneven(profile, settings.line_scatter, seed), clock.now_s()
        self._fluid = FluidState(profile, settings, seed, fill_ul, start_s)
        access = self._access = FluidAccess(self._fluid, clock)
        self._analyses = Analyses(profile, access, seed, settings.noise)
        self._syringes = {
            name: PlungerBody(self._fluid.plungers[name], access) for name in profile.streams
        }
        driving = {one.pump: self._syringes[n] for n, one in profile.streams.items()}
        spare = {
            name: PlungerBody(spare_plunger(start_s), access)
            for name, device in profile.devices.items()
            if device.offer.kind == "pump" and name not in driving
        }
        self._pumps = {**driving, **spare}
        self._driven: dict[str, PumpBody] = {
            name: driving[name] for name, device in profile.devices.items() if device.drives
        }
        self._heaters = _heated(settings, seed, access, start_s)
        self._spectrometers, self._optics = _spectrometers(
            profile,
            settings,
            seed,
            access,
            Disturbances(seed, settings.noise, start_s, settings.lamp_fade_per_h),
        )
        self._absorbance_nm = absorbance_nm(profile)
        does = Doings(
            drive=lambda device, rate_ul_min: self._driven[device].push(rate_ul_min),
            lead={name: body.lead for name, body in self._syringes.items()},
        )
        self._others = bodies_of(
            profile,
            clock,
            lambda: {name: body.rate_ul_min for name, body in self._syringes.items()},
            {name: partial(_temperature_c, plate) for name, plate in self._heaters.items()},
            valves=access,
            does=does,
            views=_views(profile, seed, access),
        )
        self._fluid.device_values = partial(values_of_devices, profile, does.effects)

    def pump(self, device: str) -> PumpBody:
        """The plunger behind a pump.

        Raises:
            InputError: there is no such pump.
        """
        return _known(self._pumps, device, "pump")

    def heater(self, device: str) -> HeaterBody:
        """The plate behind a heater.

        Raises:
            InputError: there is no such heater.
        """
        return _known(self._heaters, device, "heater")

    def spectrometer(self, device: str) -> SpectrometerBody:
        """The detector behind a flow cell, or in darkness if it is at none.

        Raises:
            InputError: there is no such spectrometer.
        """
        return _known(self._spectrometers, device, "spectrometer")

    def body(self, device: str) -> Any:
        """The body behind a device of another kind.

        Raises:
            InputError: there is no such device, or its kind offers no body.
        """
        return _known(self._others, device, "device of another kind, with a body,")

    def drive_through(self, device: str, wrap: Callable[[PumpBody], PumpBody]) -> None:
        """Put something in front of what a device without a syringe drives; see `World`."""
        if device in self._driven:
            self._driven[device] = wrap(self._driven[device])

    def put_in(self, component: str, volume_ul: float) -> None:
        """Put a component of another volume [µL] into the path; see `World`.

        All of the path is then filled as when the world begins.
        """
        self._access.put_in(component, volume_ul)

    def refill(self, stream: str) -> None:
        """Replace the syringe of a stream by a full one, or fill its supply.

        Raises:
            InputError: there is no such stream.
        """
        _known(self._syringes, stream, "stream").refill()

    def analysed(self) -> Mapping[str, float]:
        """What off-line analyses find of what is at the outlet now; see `World`."""
        return self._analyses.found()

    def can_be_analysed(self) -> frozenset[str]:
        """The off-line results that there are in the middle of the search space; see `World`."""
        fluid = self._fluid
        return frozenset() if fluid.path.outlet is None else self._analyses.known(fluid.middle)

    def truth(self, conditions: Mapping[str, float]) -> tuple[float, float]:
        """The result of a perfect measurement at steady state.

        Args:
            conditions: value of every variable of the profile's search space [°C, µL/min], by name.

        Returns:
            decadic absorbance at the wavelength that the analysis reads, and photoluminescence area
            [counts·nm]; nan where the rig has no such channel.

        Raises:
            InputError: nothing reactive flows through a flow cell.
        """
        absorbance, area = math.nan, math.nan
        for name, optics in self._optics.items():
            cell = self._fluid.path.cells.get(name)
            if cell is None:
                continue
            product = self._fluid.steady_product(conditions, cell)
            if isinstance(optics, EmissionOptics):
                area = optics.area(product)
            elif self._absorbance_nm:
                absorbance = optics.absorption.at(product, self._absorbance_nm[0])
        return absorbance, area


def _heated(
    settings: FluidicSettings, seed: int, access: FluidAccess, start_s: float
) -> dict[str, PlateBody]:
    """The plates, each with the noise of its sensor."""
    sd_c = settings.noise * SENSOR_SD_C
    return {
        name: PlateBody(plate, Drift(seed, name, sd_c, SENSOR_MEMORY_S, start_s), access)
        for name, plate in access.fluid.plates.items()
    }


def _spectrometers(
    profile: Profile,
    settings: FluidicSettings,
    seed: int,
    access: FluidAccess,
    disturbances: Disturbances,
) -> tuple[dict[str, CellBody], dict[str, AbsorptionOptics | EmissionOptics]]:
    """A detector for every spectrometer, and what light it sees."""
    path = access.fluid.path
    has_slugs = any(stream.is_carrier for stream in profile.streams.values())
    bodies, seen = {}, {}
    devices = [name for name, one in profile.devices.items() if one.offer.kind == "spectrometer"]
    cells = [name for name in path.cells if name not in _other_detectors(profile)]
    for name in dict.fromkeys((*devices, *cells)):
        cell = path.cells.get(name)
        bore_mm = FALLBACK_BORE_MM if cell is None else cell.bore_mm
        detector, seen[name] = _detector(profile, settings, seed, name, bore_mm)
        # "plugs", not "slugs": the name is part of the seed, so another would change all counts.
        rng = generator(seed, f"plugs at {name}")
        junction_mm = bore_mm if cell is None else cell.stretch.slug_bore_mm
        exposures = Exposures(
            cell,
            SlugTrain(junction_mm, bore_mm, rng),
            seen[name],
            detector=detector,
            disturbances=disturbances,
            fluid=access.fluid,
        )
        bodies[name] = CellBody(
            exposures,
            detector.coefficients,
            access,
            has_slugs=has_slugs,
            lines=len(path.line_cells.get(name, ())),
        )
    return bodies, seen


def _other_detectors(profile: Profile) -> list[str]:
    """Detectors of kinds that plugins offer."""
    return [n for n, one in profile.devices.items() if one.kind is not None and one.axis_unit]


def _views(profile: Profile, seed: int, access: FluidAccess) -> dict[str, View]:
    """What such detectors see, by device; nothing of one that is at no component."""
    cells = access.fluid.path.cells
    return {
        name: View(name, cells[name], seed, access)
        for name in _other_detectors(profile)
        if name in cells
    }


def _detector(
    profile: Profile, settings: FluidicSettings, seed: int, name: str, path_mm: float
) -> tuple[Detector, AbsorptionOptics | EmissionOptics]:
    """Detector and optics of a spectrometer.

    One whose channel compares the sample with the lamp has the detector with the short wavelength
    range and looks through the cell at the lamp; every other one has the long range and looks at
    right angles to the LED.
    """
    channels = [one for one in profile.analysis.channels.values() if one.device == name]
    through = bool(channels) and channels[0].offer.needs_light
    coefficients = UV_COEFFICIENTS if through else PL_COEFFICIENTS
    detector = Detector(coefficients, generator(seed, f"detector {name}"), settings.noise)
    if through:
        return detector, AbsorptionOptics(detector.wavelengths_nm, path_mm)
    return detector, EmissionOptics(
        detector.wavelengths_nm, path_mm, settings.excitation_nm, settings.pl_integration_time_us
    )


def _temperature_c(plate: PlateBody) -> float:
    return plate.temperature_c


def _known(bodies: Mapping[str, B], device: str, what: str) -> B:
    """The body of a device; an unknown device is an InputError that lists the known ones."""
    if device not in bodies:
        raise InputError(
            f"the fluidic world has no {what} called {device!r}; it has {', '.join(bodies)}"
        )
    return bodies[device]
