"""The wet side of the rig as a function of time: plungers, plates, flow and product."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray

from flowrig.emulation import Chemistry, Leg, Parcel, Product, Setup
from flowrig.errors import InputError
from flowrig.interfaces.pump import Syringe
from flowrig.profile.model import Component, Profile, Stream
from flowrig.profile.topology import positions_under
from flowrig_sim.chemistry.twin_synthesis import TwinSynthesis
from flowrig_sim.flow.flowpath import FlowCell, FlowPath, Stretch, bore_mm
from flowrig_sim.flow.lines import without_line
from flowrig_sim.flow.plunger import Plunger, Plungers, steady_source
from flowrig_sim.flow.transport import FlowRecord, Slice
from flowrig_sim.noise import generator
from flowrig_sim.plate import AMBIENT_C, Plate
from flowrig_sim.settings import FluidicSettings

__all__ = ["STEP_S", "CellContent", "FluidState", "absorbance_nm", "spare_plunger"]

STEP_S = 0.5
"""Step [s] of the world's time grid: 6 µL at 750 µL/min, a seventieth of the premixing volume."""
EXAMPLES = 64
"""Number of conditions of the search space at which a chemistry may look when it is made."""
SPARE_SYRINGE = Syringe(volume_ul=10_000.0, inner_diameter_mm=14.57)
"""Syringe on a pump that drives no stream (assumed)."""
_AMBIENT = np.array([AMBIENT_C])


@frozen
class CellContent:
    """The liquid in a flow cell at one moment.

    Attributes:
        total_ul: total volume [µL] that has flowed towards the cell since the world began.
        flow_ul_min: total flow rate [µL/min], averaged over the current and the last step of the
            time grid.
        reactive_share: share of the reactive phase in the passing flow, 0 to 1.
        product: the reactive phase; None if there is only carrier.
    """

    total_ul: float
    flow_ul_min: float
    reactive_share: float
    product: Product | None


_NOTHING = CellContent(0.0, 0.0, 0.0, None)


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
        InputError: the rig cannot show this chemistry, a syringe cannot hold its liquid, or the
            twin does not fit.
    """

    def __init__(
        self,
        profile: Profile,
        settings: FluidicSettings,
        seed: int,
        fill_ul: Mapping[str, float] | None,
        start_s: float,
    ) -> None:
        self._profile = self._unblocked = profile
        self._start_s = start_s
        self.path = FlowPath.of(profile)
        self._positions: dict[str, str] = {}
        self._turns: list[tuple[int, dict[str, str]]] = []
        self._turned = 0
        self._blockage = _blockage(profile, settings)
        self._path_with = lru_cache(maxsize=64)(
            lambda at, volumes: FlowPath.of(self._profile.with_volumes(dict(volumes)), dict(at))
        )
        self.plungers = _plungers(profile, settings, seed, fill_ul or {}, start_s)
        order = (*self.path.reactive, *self.path.carriers)
        self._flowing = Plungers([self.plungers[name] for name in order])
        self._through = {
            one.stretch.name: _weights(one.stretch, order) for one in self.path.looked_at
        }
        self.plates = {heater: Plate(start_s, STEP_S) for heater in _heaters(profile)}
        species = sorted({n for s in profile.streams.values() for n in s.contains_mol_l})
        self._species = tuple(species)
        self._contents = np.array(
            [
                [profile.streams[name].contains_mol_l.get(one, 0.0) for one in species]
                for name in self.path.reactive
            ]
        ).reshape(len(self.path.reactive), len(species))
        self._record = FlowRecord(self.path, STEP_S)
        self._volumes_ul: dict[str, float] = {}
        self._probes = {
            detector: (scan, scan.values(profile.devices[scan.device].value_of))
            for detector, scan in profile.analysis.scans.items()
            if scan.over is not None
        }
        self._flowed_before_ul: dict[str, float] = {}
        self._steps = 0
        self._delivered_ul = self._flowing.delivered_ul(np.array([start_s]))[:, 0]
        self._previous_ul = np.zeros(len(order))
        self._delivered_at_s, self._delivered_now_ul = start_s, self._delivered_ul
        self._newest: tuple[tuple[str, float, float], CellContent] | None = None
        self._foreseen: tuple[tuple[Any, ...], tuple[CellContent, ...]] | None = None
        self.device_values: Callable[[], Mapping[str, float | str]] = dict
        """Gives, by device of another kind, the number or the position at which it works."""
        self.chemistry = self._chemistry(settings, seed)

    @property
    def causes(self) -> tuple[object, ...]:
        """What flow, temperature and chemistry follow from, besides time.

        Equal as long as no command has come; what was computed ahead holds until then.
        """
        commands = self._flowing.commands
        for plate in self.plates.values():
            commands += plate.commands
        return commands, self._turned, dict(self.device_values())

    @property
    def can_foresee(self) -> bool:
        """Whether `contents` may be called: not while a valve turns, or before a line blocks."""
        return not self._turns and self._blockage is None

    def advance(self, now_s: float) -> None:
        """Compute flow and temperatures up to the last grid time before a rig time [s]."""
        steps = self._steps_before(now_s)
        if self._blockage is not None and self._blockage[0] <= steps:
            self._block(*self._blockage)
        self._turn_and_advance_to(steps)

    def _turn_and_advance_to(self, steps: int) -> None:
        """Compute flow up to a step of the time grid, with the valves that turn until then."""
        while self._turns and self._turns[0][0] <= steps:
            step, positions = self._turns.pop(0)
            if step > self._steps:
                self._advance_to(step)
            self._lead(positions)
        if steps > self._steps:
            self._advance_to(steps)

    def block(self, line: int | None, now_s: float) -> None:
        """Let nothing flow through a line from now on, or through all again; see `turn`."""
        self._blockage = math.ceil((now_s - self._start_s) / STEP_S), line

    def _block(self, step: int, line: int | None) -> None:
        """Block a line from a step of the time grid on, and no other; None for no line."""
        self._blockage = None
        self._turn_and_advance_to(step)
        whole = self._unblocked
        self._profile = whole if line is None else without_line(whole, line)
        self._path_with.cache_clear()
        self.path = self._flow_path(self._positions)
        self._turned += 1
        self._lead(self._positions)
        self._newest = self._foreseen = None

    def turn(self, device: str, position: str, now_s: float) -> None:
        """Turn a valve of the path at a rig time [s] to which `advance` was called.

        Streams stand while a valve turns, so that the step of the time grid that is under way
        belongs to where the valve stood.
        """
        latest = self.positions
        if latest.get(device) != position:
            step = math.ceil((now_s - self._start_s) / STEP_S)
            self._turns.append((step, {**latest, device: position}))
            self._turned += 1

    def put_in(self, component: str, volume_ul: float) -> None:
        """Put in a component of another volume [µL] at the time that `advance` has reached.

        Liquid is lost where the path is open: all of it is filled anew as at the beginning.
        """
        present_ul = self._volumes_ul.get(component, self._profile.path[component].volume_ul)
        if math.isclose(present_ul, volume_ul):
            return
        for name, cell in self.path.cells.items():
            before_ul = self._flowed_before_ul.get(name, 0.0)
            self._flowed_before_ul[name] = before_ul + self._record.end_ul(cell.stretch)
        self._volumes_ul[component] = volume_ul
        self.path = self._flow_path({})
        self._record = FlowRecord(self.path, STEP_S)
        self._lead(self._positions)
        self._turned += 1
        self._newest = self._foreseen = None

    def _flow_path(
        self, positions: Mapping[str, str], volumes_ul: Mapping[str, float] | None = None
    ) -> FlowPath:
        """The flow path with valves in some positions, and some volumes [µL] by component."""
        at = {**self._volumes_ul, **(volumes_ul or {})}
        return self._path_with(tuple(positions.items()), tuple(at.items()))

    @property
    def positions(self) -> Mapping[str, str]:
        """By device, where valves of the path stand that were turned."""
        return self._turns[-1][1] if self._turns else self._positions

    def _lead(self, positions: dict[str, str]) -> None:
        """Lead liquid as it flows in some positions, by device."""
        self._positions = positions
        path = self._flow_path(positions)
        self._record.turn(path)
        order = (*path.reactive, *path.carriers)
        self._through = {one.stretch.name: _weights(one.stretch, order) for one in path.looked_at}

    def advance_plates(self, now_s: float) -> None:
        """Compute the temperatures alone, which do not depend on the flow."""
        steps = self._steps_before(now_s)
        for plate in self.plates.values():
            plate.advance(steps)

    def _steps_before(self, now_s: float) -> int:
        """Number of whole steps before a rig time [s].

        The step that ends exactly then is left out: a command may still come at this moment.
        """
        return math.ceil((now_s - self._start_s) / STEP_S) - 1

    def _advance_to(self, steps: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Go on to a number of steps since the world began.

        Returns:
            delivered volumes [µL] after the present step and after each new one, and which of the
            new ones the flow record took.
        """
        grid: NDArray[np.float64] = np.arange(self._steps + 1, steps + 1, dtype=np.float64)
        times_s = self._start_s + STEP_S * grid
        delivered = np.column_stack((self._delivered_ul, self._flowing.delivered_ul(times_s)))
        added_ul = np.ascontiguousarray(np.diff(delivered, axis=1).T)
        recorded = self._record.append(times_s, added_ul)
        self._delivered_ul = delivered[:, -1]
        self._previous_ul = delivered[:, -2]
        self._steps = steps
        for plate in self.plates.values():
            plate.advance(steps)
        return delivered, recorded

    def content(self, cell: FlowCell, now_s: float) -> CellContent:
        """The liquid in a flow cell at a rig time [s] to which `advance` was called."""
        place = self._place(cell)
        if place is None:
            return _NOTHING
        cell = place
        # Two cells at one place see the same: the second need not compute it again.
        key = (cell.stretch.name, cell.position_ul, now_s)
        if self._newest is not None and self._newest[0] == key:
            return self._newest[1]
        total_ul, flow_ul_min = self._flow(cell.stretch, now_s)
        found = self._record.slice_at(cell.stretch, cell.position_ul, total_ul)
        content = self._content(cell, total_ul, flow_ul_min, found)
        self._newest = (key, content)
        return content

    def _content(
        self, cell: FlowCell, total_ul: float, flow_ul_min: float, found: Slice | None
    ) -> CellContent:
        total_ul += self._flowed_before_ul.get(cell.spectrometer, 0.0)
        if found is None or found.reactive_share <= 0.0:
            return CellContent(total_ul, flow_ul_min, 0.0, None)
        product = self.chemistry.product(self._parcel(found))
        return CellContent(total_ul, flow_ul_min, found.reactive_share, product)

    def _place(self, cell: FlowCell) -> FlowCell | None:
        """A flow cell as the path is now, or where its probe is; None between two lines."""
        if self._volumes_ul:
            cell = self.path.cells[cell.spectrometer]
        return self._probed(cell) if cell.spectrometer in self._probes else cell

    def _probed(self, cell: FlowCell) -> FlowCell | None:
        """The cell where the device of a scan has moved its probe; None between lines."""
        scan, values = self._probes[cell.spectrometer]
        value = self.device_values().get(scan.device, values[0])
        in_lines = self.path.line_cells.get(cell.spectrometer)
        if in_lines is not None:
            return in_lines[values.index(value)] if value in values else None
        if isinstance(value, str):
            along = values.index(value) / (len(values) - 1) if value in values else 0.0
        else:
            first, last = float(values[0]), float(values[-1])
            along = min(max((value - first) / (last - first), 0.0), 1.0)
        passed_ul = 0.0
        for component in cell.stretch.components:
            if component.name == scan.over:
                return evolve(cell, position_ul=passed_ul + along * component.volume_ul)
            passed_ul += component.volume_ul
        return cell

    def contents(self, cell: FlowCell, times_s: Sequence[float]) -> tuple[CellContent, ...]:
        """The liquid in a flow cell at rig times [s] to come, as `content` will find it.

        Args:
            cell: the flow cell.
            times_s: times in ascending order, from that on to which `advance` was called. No
                command may come until the last of them, see `causes`.
        """
        key = (cell.stretch.name, cell.position_ul, tuple(times_s), self.causes)
        if self._foreseen is None or self._foreseen[0] != key:
            self._foreseen = (key, self._foresee(cell, times_s))
        return self._foreseen[1]

    def _foresee(self, cell: FlowCell, times_s: Sequence[float]) -> tuple[CellContent, ...]:
        place = self._place(cell)
        if place is None:
            return (_NOTHING,) * len(times_s)
        present = self._steps
        newest = self._delivered_at_s, self._delivered_now_ul
        last, before_last, count = self._delivered_ul, self._previous_ul, self._record.count
        try:
            steps = self._steps_before(times_s[-1])
            if steps > present:
                delivered, recorded = self._advance_to(steps)
                columns = [before_last, *delivered.T]
                counts = [count, *(count + np.cumsum(recorded)).tolist()]
            else:
                columns, counts = [before_last, last], [count]
            passed = [max(self._steps_before(time_s) - present, 0) for time_s in times_s]
            counts = [counts[steps] for steps in passed]
            flowed_ul = self._flowing.delivered_ul(np.array(times_s)).T
            flows = []
            for time_s, self._delivered_now_ul, steps, number in zip(
                times_s, flowed_ul, passed, counts, strict=True
            ):
                self._delivered_at_s, self._steps = time_s, present + steps
                self._previous_ul, self._delivered_ul = columns[steps], columns[steps + 1]
                self._record.look_back(number)
                flows.append(self._flow(place.stretch, time_s))
            totals_ul = [total_ul for total_ul, _ in flows]
            slices = self._record.slices_at(place.stretch, place.position_ul, totals_ul, counts)
            found = []
            for flow, one, steps, number in zip(flows, slices, passed, counts, strict=True):
                self._steps = present + steps
                self._record.look_back(number)
                found.append(self._content(place, *flow, one))
        finally:
            self._steps, self._record.count = present, count  # forgets what came after it
            self._delivered_ul, self._previous_ul = last, before_last
            # What was seen ahead must not be taken for what is there then: a command may come.
            self._delivered_at_s, self._delivered_now_ul = newest
            for plate in self.plates.values():
                plate.forget(present)
        return tuple(found)

    def steady_product(
        self, conditions: Mapping[str, float], cell: FlowCell | None = None
    ) -> Product:
        """The product at steady state, without noise.

        Args:
            conditions: value of every variable of the profile's search space, by name.
            cell: the flow cell at which to look; None for the last one.

        Raises:
            InputError: the rig has no flow cell, or no reactive stream flows through it.
        """
        parcel = self.steady_parcel(conditions, cell)
        if parcel is None:
            raise InputError(f"{self._profile.name}: no reactive stream flows through a flow cell")
        return self.chemistry.product(parcel)

    @property
    def middle(self) -> Product:
        """The product at steady state in the middle of the search space, where it is taken.

        Raises:
            InputError: nothing reactive flows there.
        """
        space = self._profile.space
        (conditions,) = space.rows(space.from_unit(np.full((1, len(space.parameters)), 0.5)))
        return self.steady_product(conditions)

    def steady_parcel(
        self, conditions: Mapping[str, float], cell: FlowCell | None = None
    ) -> Parcel | None:
        """The parcel at steady state under some conditions; None if there is none."""
        at = positions_under(self._profile, conditions)
        path = self._flow_path(at, self._profile.volumes_ul(conditions))
        if not path.looked_at:
            return None
        seen = path.looked_at[-1] if cell is None else path.cells[cell.spectrometer]
        rates = self._profile.flow_rates_ul_min(conditions)
        temperatures = self._profile.set_points_c(conditions)
        parcel = self._steady(seen.stretch, seen.position_ul, rates, temperatures)
        if parcel is None:
            return None
        return evolve(parcel, devices=self._profile.device_values(conditions))

    def _steady(
        self,
        stretch: Stretch,
        position_ul: float,
        rates: Mapping[str, float],
        set_points_c: Mapping[str, float],
    ) -> Parcel | None:
        passing = {name: rates.get(name, 0.0) * one for name, one in stretch.fractions.items()}
        reactive = sum(passing.get(name, 0.0) for name in stretch.reactive)
        total = reactive + sum(passing.get(name, 0.0) for name in stretch.carriers)
        if reactive <= 0.0:
            return None
        legs, passed_ul = [], 0.0
        for one in stretch.components:
            if one.volume_ul > 0.0 and passed_ul < position_ul:
                inside_ul = min(one.volume_ul, position_ul - passed_ul)
                plate_c = set_points_c.get(one.heater or "", AMBIENT_C)
                seconds = inside_ul / total * 60.0
                legs.append(_leg(one, seconds, np.array([plate_c]), total))
            passed_ul += one.volume_ul
        met = []
        for inlet in stretch.inlets:
            parent = self._steady(inlet.stretch, inlet.stretch.volume_ul, rates, set_points_c)
            if parent is not None:
                share = sum(
                    rates.get(name, 0.0) * one
                    for name, one in inlet.fractions.items()
                    if name in stretch.reactive
                )
                met.append((share / reactive, parent))
        parents = tuple(met)
        shares = np.array(
            [
                passing.get(n, 0.0) / reactive if n in stretch.reactive else 0.0
                for n in self.path.reactive
            ]
        )
        return self._made(shares, reactive / total, tuple(legs), lambda: parents)

    def _parcel(self, found: Slice) -> Parcel:
        """A slice with the temperatures of the plates on its way."""
        legs = []
        for passage in found.passages:
            heater = passage.component.heater
            history = (
                _AMBIENT
                if heater is None
                else self.plates[heater].history_c(passage.entered_s, passage.left_s, self._steps)
            )
            seconds = passage.left_s - passage.entered_s
            legs.append(_leg(passage.component, seconds, history, passage.flow_ul_min))
        return self._made(
            found.shares,
            found.reactive_share,
            tuple(legs),
            lambda: tuple((share, self._parcel(one)) for share, one in found.met()),
            self.device_values(),
        )

    def _made(
        self,
        shares: NDArray[np.float64],
        reactive_share: float,
        legs: tuple[Leg, ...],
        met: Callable[[], tuple[tuple[float, Parcel], ...]],
        devices: Mapping[str, float | str] | None = None,
    ) -> Parcel:
        return Parcel(
            shares=dict(zip(self.path.reactive, shares.tolist(), strict=True)),
            mol_per_l=dict(zip(self._species, (shares @ self._contents).tolist(), strict=True))
            if self._species
            else {},
            reactive_share=reactive_share,
            legs=legs,
            met=met,
            devices=devices or {},
        )

    def _flow(self, stretch: Stretch, now_s: float) -> tuple[float, float]:
        """Volume [µL] that has entered a stretch by now, and flow rate [µL/min]."""
        through = self._through[stretch.name]
        # Two cells are exposed at one moment; a command at that moment moves nothing before it.
        if now_s != self._delivered_at_s:
            self._delivered_at_s = now_s
            self._delivered_now_ul = self._flowing.delivered_ul(np.array([now_s]))[:, 0]
        delivered_ul = _through_ul(self._delivered_now_ul, through)
        total_ul = self._record.end_ul(stretch) + delivered_ul
        total_ul -= _through_ul(self._delivered_ul, through)
        since_s = now_s - self._start_s - STEP_S * max(self._steps - 1, 0)
        if since_s <= 0.0:
            return total_ul, 0.0
        flowed_ul = delivered_ul - _through_ul(self._previous_ul, through)
        return total_ul, flowed_ul / since_s * 60.0

    def _chemistry(self, settings: FluidicSettings, seed: int) -> Chemistry:
        setup = self._setup(seed)
        if settings.twin is not None:
            return TwinSynthesis.of_rig(settings.twin, self._profile, setup, settings.excitation_nm)
        cls = settings.chemistry.offer.load()
        lacking = sorted(set(cls.species) - setup.species)
        if lacking:
            raise InputError(
                f"{self._profile.name}: the chemistry {settings.chemistry.offer.name!r} needs "
                f"{', '.join(lacking)}; say with `contains` which stream has it, in mol/L, or "
                'simulate the rig with invented numbers: chemistry = "stand-in"'
            )
        made: Chemistry = cls(settings.chemistry.settings, setup)
        return made

    def _setup(self, seed: int) -> Setup:
        streams = self._profile.streams
        return Setup(
            rig=self._profile.name,
            seed=seed,
            roles={name: stream.role for name, stream in streams.items()},
            mol_per_l={name: stream.contains_mol_l for name, stream in streams.items()},
            absorbance_nm=absorbance_nm(self._profile),
            emission_nm=_emission_nm(self._profile),
            light_path_mm=next((c.bore_mm for c in reversed(list(self.path.cells.values()))), 1.0),
            examples=self._examples(),
        )

    def _examples(self) -> tuple[Parcel, ...]:
        space = self._profile.space
        points = generator(1, "examples").random((EXAMPLES, len(space.parameters)))
        parcels = []
        for conditions in space.rows(space.from_unit(points)):
            if min(self._profile.flow_rates_ul_min(conditions).values(), default=0.0) >= 0.0:
                parcels.append(self.steady_parcel(conditions))
        return tuple(parcel for parcel in parcels if parcel is not None)


def _blockage(profile: Profile, settings: FluidicSettings) -> tuple[int, int | None] | None:
    """The step of the time grid after which a line is blocked, and the line."""
    line, lines = settings.blocked_line, profile.lines
    if line is None:
        return None
    if lines is None or line > lines.count:
        there = "no lines" if lines is None else f"{lines.count} lines"
        raise InputError(f"{profile.name} has {there}, and its simulation blocks line {line}")
    return math.ceil(settings.blocked_after_s / STEP_S), line


def _weights(stretch: Stretch, order: Sequence[str]) -> tuple[tuple[int, float], ...]:
    """Columns of the streams of a stretch, and how much of each passes it."""
    names = (*stretch.reactive, *stretch.carriers)
    return tuple((order.index(name), stretch.fractions.get(name, 0.0)) for name in names)


def _through_ul(volumes_ul: NDArray[np.float64], weights: tuple[tuple[int, float], ...]) -> float:
    """Volume [µL] that passes a stretch, of those of all streams."""
    each: list[float] = volumes_ul.tolist()  # a few numbers: faster than a sum of arrays
    return sum([each[column] * weight for column, weight in weights])


def _leg(
    component: Component, seconds: float, temperature_c: NDArray[np.float64], flow_ul_min: float
) -> Leg:
    return Leg(
        component=component.name,
        kind=component.kind,
        seconds=seconds,
        temperature_c=temperature_c,
        is_heated=component.heater is not None,
        flow_ul_min=flow_ul_min,
        inner_diameter_mm=bore_mm(component),
    )


def _heaters(profile: Profile) -> list[str]:
    """All heaters, also those that heat no component of the flow path."""
    devices = [name for name, one in profile.devices.items() if one.offer.kind == "heater"]
    heating = [c.heater for c in profile.path.values() if c.heater is not None]
    return list(dict.fromkeys((*heating, *devices)))


def _plungers(
    profile: Profile,
    settings: FluidicSettings,
    seed: int,
    fill_ul: Mapping[str, float],
    start_s: float,
) -> dict[str, Plunger]:
    losses = settings.delivery_loss_per_h
    for names, what in ((fill_ul, "be filled"), (losses, "lose what it delivers")):
        unknown = sorted(names.keys() - profile.streams.keys())
        if unknown:
            raise InputError(f"{profile.name} has no stream {', '.join(unknown)} to {what}")

    def driving(stream: Stream) -> Plunger:
        filled_ul = _fill_ul(stream, fill_ul.get(stream.name))
        loss = losses.get(stream.name, 0.0)
        if stream.syringe is None:
            return steady_source(stream.capacity_ul, filled_ul, start_s, loss)
        phase = float(generator(seed, f"screw of {stream.name}").uniform(0.0, 2 * math.pi))
        return Plunger(
            stream.syringe, filled_ul, settings.flow_ripple, phase, start_s, loss_per_h=loss
        )

    return {name: driving(stream) for name, stream in profile.streams.items()}


def _fill_ul(stream: Stream, fill_ul: float | None) -> float:
    capacity_ul = stream.capacity_ul
    if fill_ul is None:
        return capacity_ul
    if not 0.0 <= fill_ul <= capacity_ul:
        raise InputError(
            f"{stream.name}: a {stream.source} of {capacity_ul:g} µL cannot hold {fill_ul:g} µL"
        )
    return fill_ul


def spare_plunger(start_s: float) -> Plunger:
    """The plunger of a pump that drives no stream."""
    return Plunger(SPARE_SYRINGE, SPARE_SYRINGE.volume_ul, 0.0, 0.0, start_s)


def absorbance_nm(profile: Profile) -> tuple[float, ...]:
    """Wavelengths [nm] at which features read spectra that are compared with a lamp."""
    return tuple(window[0] for how, window in _windows(profile, through=True) if how == "at")


def _emission_nm(profile: Profile) -> tuple[float, float] | None:
    """The window [nm] in which features look for emission; None if none does."""
    windows = [window for how, window in _windows(profile, through=False) if how != "at"]
    if windows:
        return max(windows, key=lambda window: window[1] - window[0])
    spots = [window[0] for how, window in _windows(profile, through=False) if how == "at"]
    return (spots[0] - 80.0, spots[0] + 80.0) if spots else None


def _windows(profile: Profile, *, through: bool) -> list[tuple[str, tuple[float, float]]]:
    """How features read spectra, and where [nm]: of absorbance-like channels, or of the others."""
    channels = profile.analysis.channels.items()
    kinds = {n: one.offer.needs_light for n, one in channels if one.offer.axis_unit == "nm"}
    return [
        (reading.how, reading.window_nm)
        for feature in profile.features.values()
        for reading in feature.readings
        if kinds.get(reading.channel) is through
    ]
