"""The wet side of the rig as a function of time: plungers, plates, flow and product."""

import math
from collections.abc import Mapping

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.profile.model import Profile, Stream
from flowrig_sim.chemistry.formulations import FORMULATIONS
from flowrig_sim.chemistry.heatup import HeatUp
from flowrig_sim.chemistry.synthesis import Product, Synthesis
from flowrig_sim.chemistry.twin_synthesis import TwinSynthesis
from flowrig_sim.flow.flowpath import FlowCell, FlowPath
from flowrig_sim.flow.plunger import Plunger, Plungers
from flowrig_sim.flow.transport import FlowRecord, Premix
from flowrig_sim.noise import generator
from flowrig_sim.plate import Plate
from flowrig_sim.settings import FluidicSettings

__all__ = ["STEP_S", "CellContent", "FluidState"]

STEP_S = 0.5
"""Step [s] of the world's time grid: 6 µL at 750 µL/min, a seventieth of the premixing volume."""
STOCKS = ("CuI", "ZnI2", "CsOA")
SOLVENT = "ODE"
CARRIER = "PFO"


@frozen
class CellContent:
    """The liquid in a flow cell at one moment.

    Attributes:
        total_ul: total volume [µL] that has flowed since the world began.
        flow_ul_min: total flow rate [µL/min], averaged over the current and the last step of the
            time grid.
        reactive_share: share of the reactive phase in the passing flow, 0 to 1.
        product: the reactive phase; None if there is only carrier.
    """

    total_ul: float
    flow_ul_min: float
    reactive_share: float
    product: Product | None


class FluidState:
    """Everything between plungers and flow cells; not thread-safe.

    Flow and temperature advance on a fixed grid of times. A step is computed after its end, with
    all commands that came during it, so the result depends neither on how often the state is read
    nor on the order of the calls at one moment.

    Args:
        profile: the rig.
        settings: chemistry and amplitudes.
        seed: seed of the world; the initial angles of the pumps' screws follow from it.
        fill_ul: liquid [µL] in the syringes by stream; a stream without an entry has a full one.
        start_s: rig time [s] when the world begins.

    Raises:
        InputError: the rig lacks streams of this chemistry or has another flow path, a syringe
            cannot hold its liquid, or the twin does not fit.
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
        self._previous_total_ul = 0.0

    def advance(self, now_s: float) -> None:
        """Compute flow and temperatures up to the last grid time before a rig time [s]."""
        # The step that ends exactly now is left out: a command may still come at this moment.
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
        self._previous_total_ul = float(delivered[:, -2].sum())
        self._steps = steps
        for plate in self.plates.values():
            plate.advance(steps)

    def content(self, cell: FlowCell, now_s: float) -> CellContent:
        """The liquid in a flow cell at a rig time [s] to which `advance` was called."""
        total_ul, flow_ul_min = self._flow(now_s)
        parcel = self._record.parcel(
            total_ul,
            cell.position_ul,
            (self.path.reactor_start_ul, self.path.reactor_end_ul),
        )
        if parcel is None or parcel.reactive_share <= 0.0:
            return CellContent(total_ul, flow_ul_min, 0.0, None)
        plate = self.plates[self.path.heater]
        cui, zni2, csoa = (float(parcel.shares[index]) for index in self._stocks)
        product = self._synthesis.product(
            (cui, zni2, csoa),
            parcel.reactive_share,
            parcel.total_flow_ul_min,
            plate.history_c(parcel.entered_s, parcel.left_s),
            parcel.left_s - parcel.entered_s,
        )
        return CellContent(total_ul, flow_ul_min, parcel.reactive_share, product)

    def steady_product(self, conditions: Mapping[str, float]) -> Product:
        """The product at steady state, without noise.

        Args:
            conditions: value of every variable of the profile's search space [°C, µL/min], by name.
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

    def _flow(self, now_s: float) -> tuple[float, float]:
        """Total volume [µL] that has flowed by now, and total flow rate [µL/min]."""
        delivered_ul = float(self._flowing.delivered_ul(np.array([now_s])).sum())
        total_ul = self._record.end_ul + delivered_ul - float(self._delivered_ul.sum())
        since_s = now_s - self._start_s - STEP_S * max(self._steps - 1, 0)
        if since_s <= 0.0:
            return total_ul, 0.0
        return total_ul, (delivered_ul - self._previous_total_ul) / since_s * 60.0


def _synthesis(
    profile: Profile, settings: FluidicSettings, path: FlowPath
) -> Synthesis | TwinSynthesis:
    if settings.twin is None:
        return Synthesis(FORMULATIONS[settings.chemistry], HeatUp(path.reactor_bore_mm))
    order = (*STOCKS, SOLVENT)
    heater = next((v.name for v in profile.variables if v.heater == path.heater), None)
    streams = {v.name: order.index(v.stream) for v in profile.variables if v.stream in order}
    if heater is None or len(streams) + 1 != len(profile.variables):
        raise InputError(
            "a twin can simulate only a search space of the plate's temperature and the flow rates "
            f"of {', '.join(order)}"
        )
    return TwinSynthesis.load(settings.twin, profile.space, heater, streams)


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
                "fluidic world PFO is the carrier and CuI, ZnI2, CsOA and ODE form the slugs"
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
