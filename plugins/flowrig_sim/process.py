"""The wet side of the rig as a function of time: plungers, plates, flow and product."""

import math
from collections.abc import Mapping

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.profile.model import Profile, Stream
from flowrig_sim.chemistry import FORMULATIONS
from flowrig_sim.flowpath import FlowCell, FlowPath
from flowrig_sim.heatup import HeatUp
from flowrig_sim.learnt import LearntSynthesis
from flowrig_sim.noise import generator
from flowrig_sim.plate import Plate
from flowrig_sim.plunger import Plunger, Plungers
from flowrig_sim.settings import FluidicSettings
from flowrig_sim.synthesis import Product, Synthesis
from flowrig_sim.transport import FlowRecord, Premix

__all__ = ["STEP_S", "Process", "View"]

STEP_S = 0.5
"""Step of the world's time grid [s]; 6 µL at 750 µL/min, a seventieth of the premixing volume."""
STOCKS = ("CuI", "ZnI2", "CsOA")
SOLVENT = "ODE"
CARRIER = "PFO"


@frozen
class View:
    """What stands in a cell at one moment.

    Attributes:
        total_ul: total volume that has flowed since the world began [µL].
        flow_ul_min: total flow rate, mean over the last second or so [µL/min].
        reactive_share: reactive phase in the passing flow, 0 to 1.
        product: the reactive phase, None if there is none.
    """

    total_ul: float
    flow_ul_min: float
    reactive_share: float
    product: Product | None


class Process:
    """Everything between plungers and cells; not thread-safe.

    Flow and temperature advance on a fixed grid of times; a step is taken when it is over, with
    whatever was commanded during it, so that neither the number nor the order of questions matters.

    Args:
        profile: the rig.
        settings: chemistry and amplitudes.
        seed: where the pumps' screws stand.
        fill_ul: liquid left [µL] by stream; full syringes where a stream is not named.
        start_s: rig time [s] when the world begins.

    Raises:
        InputError: the profile does not describe the rig that this chemistry runs on.
    """

    def __init__(
        self,
        profile: Profile,
        settings: FluidicSettings,
        seed: int,
        fill_ul: Mapping[str, float] | None,
        start_s: float,
    ) -> None:
        _require_streams(profile)
        self._profile = profile
        self._start_s = start_s
        self.path = FlowPath.of(profile)
        self.plungers = _plungers(profile, settings, seed, fill_ul or {}, start_s)
        self._flowing = Plungers(
            [self.plungers[name] for name in (*self.path.reactive, *self.path.carriers)]
        )
        self.plates = {heater: Plate(start_s, STEP_S) for heater in _heaters(profile)}
        self._synthesis = _synthesis(profile, settings, self.path)
        self._stocks = [self.path.reactive.index(name) for name in STOCKS]
        self._record = FlowRecord(
            Premix(self.path.premix_ul),
            self.path.reactive.index(SOLVENT),
            len(self.path.reactive),
            STEP_S,
        )
        self._steps = 0
        self._delivered_ul = self._flowing.delivered_ul(np.array([start_s]))[:, 0]
        self._step_before_ul = 0.0

    def advance(self, now_s: float) -> None:
        """Live on to the last grid time before a rig time [s]."""
        steps = math.ceil((now_s - self._start_s) / STEP_S) - 1
        if steps <= self._steps:
            return
        grid: NDArray[np.float64] = np.arange(self._steps + 1, steps + 1, dtype=np.float64)
        times_s = self._start_s + STEP_S * grid
        delivered = np.column_stack((self._delivered_ul, self._flowing.delivered_ul(times_s)))
        added = np.diff(delivered, axis=1)
        split = len(self.path.reactive)
        self._record.append(times_s, added[:split].T, added[split:].sum(axis=0))
        self._delivered_ul = delivered[:, -1]
        self._step_before_ul = float(delivered[:, -2].sum())
        self._steps = steps
        for plate in self.plates.values():
            plate.advance(steps)

    def view(self, cell: FlowCell, now_s: float) -> View:
        """What stands in a cell; `advance` comes first."""
        delivered_ul = float(self._flowing.delivered_ul(np.array([now_s])).sum())
        total_ul = self._record.end_ul + delivered_ul - float(self._delivered_ul.sum())
        since_s = now_s - self._start_s - STEP_S * max(self._steps - 1, 0)
        flow_ul_min = (
            (delivered_ul - self._step_before_ul) / since_s * 60.0 if since_s > 0.0 else 0.0
        )
        parcel = self._record.parcel(
            total_ul,
            cell.position_ul,
            (self.path.reactor_start_ul, self.path.reactor_end_ul),
        )
        if parcel is None or parcel.reactive_share <= 0.0:
            return View(total_ul, flow_ul_min, 0.0, None)
        plate = self.plates[self.path.heater]
        cui, zni2, csoa = (float(parcel.shares[index]) for index in self._stocks)
        product = self._synthesis.product(
            (cui, zni2, csoa),
            parcel.reactive_share,
            parcel.total_flow_ul_min,
            plate.history_c(parcel.entered_s, parcel.left_s),
            parcel.left_s - parcel.entered_s,
        )
        return View(total_ul, flow_ul_min, parcel.reactive_share, product)

    def steady_product(self, conditions: Mapping[str, float]) -> Product:
        """What comes out at steady state, without noise.

        Args:
            conditions: value of every variable of the profile's search space, by name.
        """
        flow_rates = self._profile.flow_rates_ul_min(conditions)
        reactive = sum(flow_rates[name] for name in self.path.reactive)
        total = reactive + sum(flow_rates[name] for name in self.path.carriers)
        cui, zni2, csoa = (flow_rates[name] / reactive for name in STOCKS)
        return self._synthesis.product(
            (cui, zni2, csoa),
            reactive / total,
            total,
            np.array([self._profile.set_points_c(conditions)[self.path.heater]]),
            self.path.reactor_ul / total * 60.0,
        )


def _synthesis(
    profile: Profile, settings: FluidicSettings, path: FlowPath
) -> Synthesis | LearntSynthesis:
    if settings.twin is None:
        return Synthesis(FORMULATIONS[settings.chemistry], HeatUp(path.reactor_bore_mm))
    places = (*STOCKS, SOLVENT)
    heater = next((v.name for v in profile.variables if v.heater == path.heater), None)
    streams = {v.name: places.index(v.stream) for v in profile.variables if v.stream in places}
    if heater is None or len(streams) + 1 != len(profile.variables):
        raise InputError(
            "a twin stands in for a search space of the plate's temperature and the flow rates of "
            f"{', '.join(places)}"
        )
    return LearntSynthesis.load(settings.twin, profile.space, heater, streams)


def _require_streams(profile: Profile) -> None:
    lacking = [n for n in (*STOCKS, SOLVENT, CARRIER) if n not in profile.streams]
    if lacking:
        raise InputError(
            f"{profile.name}: the fluidic world simulates Cs3Cu2I5 from the streams CuI, ZnI2, "
            f"CsOA, ODE and PFO; the profile lacks {', '.join(lacking)}"
        )
    for name in (*STOCKS, SOLVENT, CARRIER):
        if (profile.streams[name].role == "carrier") != (name == CARRIER):
            raise InputError(
                f"{profile.name}: {name} has the role {profile.streams[name].role!r}; in the "
                "fluidic world PFO is the carrier and CuI, ZnI2, CsOA and ODE form the plugs"
            )


def _heaters(profile: Profile) -> set[str]:
    return {c.heater for c in profile.path.values() if c.heater is not None}


def _plungers(
    profile: Profile,
    settings: FluidicSettings,
    seed: int,
    fill_ul: Mapping[str, float],
    start_s: float,
) -> dict[str, Plunger]:
    unknown = sorted(fill_ul.keys() - profile.streams.keys())
    if unknown:
        raise InputError(f"{profile.name} has no stream {', '.join(unknown)} to be filled")
    return {
        name: Plunger(
            stream.syringe,
            _fill_ul(stream, fill_ul.get(name)),
            settings.flow_ripple,
            float(generator(seed, f"screw of {name}").uniform(0.0, 2 * math.pi)),
            start_s,
        )
        for name, stream in profile.streams.items()
    }


def _fill_ul(stream: Stream, fill_ul: float | None) -> float:
    capacity_ul = stream.syringe.volume_ul
    if fill_ul is None:
        return capacity_ul
    if not 0.0 <= fill_ul <= capacity_ul:
        raise InputError(
            f"{stream.name}: a syringe of {capacity_ul:g} µL cannot hold {fill_ul:g} µL"
        )
    return fill_ul
