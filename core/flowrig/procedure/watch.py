"""Waits of a procedure: the rig is read and the operator is obeyed while time passes."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from flowrig.errors import DeviceFaultError
from flowrig.interfaces import Frames, HeaterReading
from flowrig.journal.events import StepBegun
from flowrig.operator.requests import OperatorRequests
from flowrig.procedure.steps import Acquire, Wait, WaitSteady
from flowrig.rig.rig import Rig
from flowrig.safety.guard import EventNoter, Guard

__all__ = ["WATCH_S", "Watch"]

WATCH_S = 5.0
"""Time [s] between two readings of heaters and pumps while a procedure waits."""

COMPUTE_S = 1200.0
"""Longest time [s] for choosing the next conditions."""

COMPUTE_WATCH_S = 1.0
"""Time [s] between two readings of heaters and pumps meanwhile."""

LATE_SHARE, LATE_S = 0.03, 10.0
"""A pump that draws for longer than it should by this share and this time [s] has failed."""

DONE_S = 1.0
"""Time [s] between two readings once a pump should have drawn its volume."""

ROUNDING_S = 1e-9
"""A wait that is shorter [s] is a rounding error of the clock's time."""

R = TypeVar("R")


class Watch:
    """Lets time pass for the steps of a procedure.

    Args:
        rig: the opened rig.
        guard: reads heaters and pumps, and checks the safety rules.
        requests: what a person wants of the run.
        note_event: writes progress and requests to the journal.
        on_wait: called after every reading of a plain wait.

    Attributes:
        may_pause: whether a pause may begin now; false from the first frame of a measurement on.
    """

    def __init__(
        self,
        rig: Rig,
        guard: Guard,
        requests: OperatorRequests,
        note_event: EventNoter,
        on_wait: Callable[[], object] = lambda: None,
    ) -> None:
        self._rig = rig
        self._guard = guard
        self._requests = requests
        self._note_event = note_event
        self._on_wait = on_wait
        self.may_pause = True

    def obey(self, *, may_pause: bool = True, may_skip: bool = True) -> None:
        """Raise the request of a person, if it can be obeyed now.

        Args:
            may_pause: false where the caller cannot pause here.
            may_skip: false where the caller cannot give up the experiment here.

        Raises:
            StopRequested: a person asked the run to end.
            PauseRequested: a person asked the run to pause.
            SkipRequested: a person gave up the experiment under way.
        """
        for asked in self._requests.news():
            self._note_event(asked)
        self._requests.obey(may_pause=may_pause and self.may_pause, may_skip=may_skip)

    def begin(self, what: str, duration_s: float | None) -> None:
        """Note that something that takes time begins; its duration [s] may be unknown."""
        self._note_event(StepBegun(what=what, duration_s=duration_s))

    def wait(self, step: Wait) -> bool | None:
        """Wait for a time; returns whether the heaters that it names are stable at its end."""
        self.begin(step.reason, step.duration_s)
        steady, clock = self._rig.profile.steady, self._rig.clock
        near_since_s: float | None = None

        def follow(heaters: Mapping[str, HeaterReading]) -> None:
            nonlocal near_since_s
            self._on_wait()
            if not _all_near(heaters, step.steady_at_c, steady.tolerance_c):
                near_since_s = None
            elif near_since_s is None:
                near_since_s = clock.now_s()

        self._let_pass(step.duration_s, on_look=follow)
        if not step.steady_at_c:
            return None
        held_s = 0.0 if near_since_s is None else clock.now_s() - near_since_s
        return near_since_s is not None and held_s >= steady.hold_s - ROUNDING_S

    def _let_pass(
        self,
        duration_s: float,
        *,
        may_leave: bool = True,
        on_look: Callable[[Mapping[str, HeaterReading]], object] = lambda heaters: None,
    ) -> None:
        """Let a time [s] pass, and read the rig meanwhile."""
        clock = self._rig.clock
        end_s = clock.now_s() + duration_s
        while (left_s := end_s - clock.now_s()) > ROUNDING_S:
            clock.sleep(min(left_s, WATCH_S))
            self.obey(may_pause=may_leave, may_skip=may_leave)
            on_look(self._guard.look())

    def draw(self, volumes_ul: Mapping[str, float], duration_s: float) -> None:
        """Wait until pumps have drawn volumes [µL], by stream, and stand still by themselves.

        Neither a pause nor a skip ends it: the valves lead to the reservoirs.

        Args:
            volumes_ul: by stream.
            duration_s: how long it takes.

        Raises:
            DeviceFaultError: a pump still draws although its time is over.
        """
        what = ", ".join(f"{name} {ul / 1000:.3g} mL" for name, ul in volumes_ul.items())
        self.begin(f"filling from reservoirs: {what}", duration_s)
        clock = self._rig.clock
        due_s = clock.now_s() + duration_s
        late_s = due_s + LATE_SHARE * duration_s + LATE_S
        while True:
            left_s = due_s - clock.now_s()
            clock.sleep(min(max(left_s, DONE_S), WATCH_S))
            self.obey(may_pause=False, may_skip=False)
            self._guard.look()
            running = self._guard.still_drawing(volumes_ul)
            if not running:
                return
            if clock.now_s() > late_s:
                pumps = (self._rig.profile.streams[stream].pump for stream in running)
                raise DeviceFaultError(
                    f"it should have drawn its volume in {duration_s:.0f} s, and still runs",
                    device=", ".join(pumps),
                )

    def settle(self, duration_s: float) -> None:
        """Wait for the pressure to even out; neither a pause nor a skip ends it."""
        self.begin("letting the pressure in the syringes even out", duration_s)
        self._let_pass(duration_s, may_leave=False)

    def wait_steady(self, step: WaitSteady) -> None:
        """Wait until heaters have stayed near their set points for the profile's time.

        With `within_c` of the step, only until they are that near.

        Raises:
            DeviceFaultError: they are not steady after the profile's longest time.
        """
        steady, clock = self._rig.profile.steady, self._rig.clock
        self.begin("heating or cooling to " + _degrees(step.set_points_c), None)
        begin_s = clock.now_s()
        near_since_s: float | None = None
        hold_s = steady.hold_s if step.within_c is None else 0.0
        within_c = steady.tolerance_c if step.within_c is None else step.within_c
        while True:
            heaters = self._guard.look()
            if not _all_near(heaters, step.set_points_c, within_c):
                near_since_s = None
            elif near_since_s is None:
                near_since_s = clock.now_s()
            if near_since_s is not None and clock.now_s() - near_since_s >= hold_s:
                return
            if clock.now_s() - begin_s > steady.timeout_s:
                self._guard.look(settled=True)
                raise _not_steady(heaters, step.set_points_c, steady.timeout_s)
            clock.sleep(steady.poll_s)
            self.obey()

    def acquire(self, step: Acquire) -> dict[str, Frames]:
        """Take frames."""
        # Once a reference or a sample is being taken, a pause waits until the experiment is done.
        self.may_pause &= step.purpose in ("dark", "look")
        self.begin(f"{step.frames} {step.purpose} frames", step.frames * step.interval_s)
        is_of_liquid = step.purpose in ("look", "sample")
        self._guard.look_at(step.spectrometers)
        with self._guard.sampling():
            if self._rig.profile.readings:  # a short sample ends before the first tick
                self._guard.look(settled=is_of_liquid)
            frames = self._rig.acquire(
                step.spectrometers,
                step.frames,
                step.interval_s,
                tick_s=WATCH_S,
                on_tick=partial(self._obey_and_look, settled=is_of_liquid),
                own=step.own,
            )
        self._guard.look_at(step.spectrometers)
        return frames

    def compute(self, what: str, function: Callable[[], R], at_most_s: float | None) -> R:
        """Compute something; see `Executor.compute`."""
        self.obey(may_pause=False)
        self.begin(what, None)
        if self._rig.clock.is_virtual:
            with self._requests.computing():
                return function()
        return self._rig.alongside(
            function,
            COMPUTE_S if at_most_s is None else at_most_s,
            tick_s=COMPUTE_WATCH_S,
            on_tick=self._obey_and_look,
        )

    def _obey_and_look(self, *, settled: bool = False) -> None:
        self.obey(may_pause=False)
        self._guard.look(settled=settled)


def _all_near(
    heaters: Mapping[str, HeaterReading], set_points_c: Mapping[str, float], tolerance_c: float
) -> bool:
    return all(
        abs(heaters[name].temperature_c - set_point_c) <= tolerance_c
        for name, set_point_c in set_points_c.items()
    )


def _not_steady(
    heaters: Mapping[str, HeaterReading], set_points_c: Mapping[str, float], timeout_s: float
) -> DeviceFaultError:
    now_c = {name: heaters[name].temperature_c for name in set_points_c}
    return DeviceFaultError(
        f"not steady at {_degrees(set_points_c)} after {timeout_s / 60:.0f} min, it reads "
        f"{_degrees(now_c)}; check heater, sensor and the profile's [steady] table",
        device=", ".join(set_points_c),
    )


def _degrees(temperatures_c: Mapping[str, float]) -> str:
    return ", ".join(f"{temperature:.1f} °C" for temperature in temperatures_c.values())
