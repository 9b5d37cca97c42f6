"""Snapshots by hand, and the simulated plate on a time of its own, healthy and with faults."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from flowrig.safety_rules import HeaterState, Snapshot, StreamState, Supervisor, Trip
from flowrig_sim.noise import Drift
from flowrig_sim.plate import Plate

STEP_S = 1.0
FULL_POWER_C = 500.0

Fault = Callable[["SimulatedPlate"], None]


def heater(temperature_c: float, set_point_c: float = 20.0, **more: object) -> HeaterState:
    return HeaterState(temperature_c, set_point_c, **more)  # type: ignore[arg-type]


def stream(state: str = "stopped", **more: object) -> StreamState:
    return StreamState("pump", state, **more)  # type: ignore[arg-type]


def snapshot(
    time_s: float = 0.0,
    plate: HeaterState | None = None,
    streams: Mapping[str, StreamState] | None = None,
) -> Snapshot:
    return Snapshot(time_s, {"plate": plate or heater(25.0)}, streams or {})


def rules(trips: list[Trip]) -> list[str]:
    return [trip.rule for trip in trips]


@dataclass
class SimulatedPlate:
    """The plate of the emulated rig and its sensor, without wires.

    Attributes:
        seed: of the sensor's noise.
        read: from the true temperature [°C] to the reading; a fault replaces it.
        stuck_c: where a heater that is stuck drives the plate, whatever is asked.
        true_c: true temperature [°C].
    """

    seed: int
    noise_c: float = 0.05
    read: Callable[[float], float] = field(default=lambda true_c: true_c)
    stuck_c: float | None = None
    now_s: float = 0.0
    set_point_c: float = 20.0
    heating: bool | None = None
    highest_c: float = 0.0

    def __post_init__(self) -> None:
        self._plate = Plate(0.0, STEP_S)
        self._drift = Drift(self.seed, "plate", self.noise_c, 60.0, 0.0)

    @property
    def true_c(self) -> float:
        return self._plate.temperature_c

    def set(self, set_point_c: float) -> None:
        self.set_point_c, self.heating = set_point_c, True

    def off(self) -> None:
        self.set_point_c, self.heating = 20.0, False

    def look(self, after_s: float) -> Snapshot:
        """The next look, some time later; the controller believes its sensor meanwhile."""
        until_s = self.now_s + after_s
        while self.now_s < until_s:
            self._plate.control(self._driven_c(), self.now_s)
            self.now_s += STEP_S
            self._plate.advance(round(self.now_s / STEP_S))
            self.highest_c = max(self.highest_c, self.true_c)
        state = HeaterState(self.reading_c(), self.set_point_c, heating=self.heating)
        return Snapshot(self.now_s, {"plate": state}, {})

    def reading_c(self) -> float:
        return round(self.read(self.true_c) + self._noise_c(), 2)

    def _noise_c(self) -> float:
        return self._drift.at(self.now_s) if self.read(0.0) != self.read(1.0) else 0.0

    def _driven_c(self) -> float:
        if self.stuck_c is not None:
            return self.stuck_c
        error_c = self.read(self.true_c) - self.true_c
        if abs(error_c) < 0.5:
            return self.set_point_c
        return FULL_POWER_C if self.reading_c() < self.set_point_c else -273.15


def watched(
    plate: SimulatedPlate, supervisor: Supervisor, duration_s: float, look_s: float = 5.0
) -> Iterator[Trip]:
    """What trips while a plate lives on for some time [s]."""
    end_s = plate.now_s + duration_s
    while plate.now_s < end_s:
        yield from supervisor.check(plate.look(look_s))
