"""Time: real and virtual."""

import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrig import clock as clocks
from flowrig.clock import Alarm, Clock, RealClock, VirtualClock, pace
from flowrig.errors import DriverHungError, StopRequested
from flowrig.rig import device_threads
from flowrig.rig.device_threads import DeviceThreads

HOUR_S = 3600.0


def test_virtual_time_passes_without_waiting() -> None:
    """A lone sleeper wakes at once, later by exactly what it asked for."""
    clock = VirtualClock(start_s=5.0)
    clock.sleep(28_800.0)
    assert clock.now_s() == 28_805.0


@given(st.lists(st.lists(st.integers(1, 50), min_size=1, max_size=6), min_size=1, max_size=5))
def test_virtual_time_is_the_longest_participant(naps: list[list[int]]) -> None:
    """However threads are scheduled, each wakes at the moments that it asked for."""
    clock = VirtualClock()
    woken: dict[str, list[float]] = {}

    def sleeper(name: str, durations: list[int]) -> None:
        woken[name] = []
        for duration in durations:
            clock.sleep(duration)
            woken[name].append(clock.now_s())

    with DeviceThreads(clock) as workers:
        workers.call(
            {
                f"device {i}": lambda i=i, durations=durations: sleeper(f"{i}", durations)
                for i, durations in enumerate(naps)
            }
        )
    for i, durations in enumerate(naps):
        assert woken[f"{i}"] == [sum(durations[: n + 1]) for n in range(len(durations))]
    assert clock.now_s() == max(map(sum, naps))


def test_time_waits_for_a_participant_that_works() -> None:
    """Virtual time stands still while a thread that takes part is not asleep."""
    clock = VirtualClock()
    asleep = threading.Event()
    seen: list[float] = []

    def busy() -> None:
        asleep.wait()
        seen.append(clock.now_s())

    def sleeper() -> None:
        asleep.set()
        clock.sleep(10.0)

    with DeviceThreads(clock) as workers:
        workers.call({"busy": busy, "sleeper": sleeper})
    assert seen == [0.0]
    assert clock.now_s() == 10.0


def test_interrupt_wakes_virtual_sleepers_without_moving_time() -> None:
    """After an interrupt sleeps return at once, until it is cleared."""
    clock = VirtualClock()
    clock.interrupt()
    clock.sleep(60.0)
    assert clock.now_s() == 0.0
    clock.clear_interrupt()
    clock.sleep(60.0)
    assert clock.now_s() == 60.0


def test_interrupt_wakes_real_sleepers() -> None:
    """A real sleep of an hour ends when somebody interrupts it."""
    clock = RealClock()
    threading.Timer(0.05, clock.interrupt).start()
    clock.sleep(3600.0)
    assert clock.now_s() < 60.0


def test_an_alarm_wakes_one_virtual_sleeper_without_moving_time() -> None:
    """The other sleeps on, and an alarm that was rung lets nobody sleep."""
    clock, alarm = VirtualClock(), Alarm()
    woken: dict[str, float] = {}

    def sleeper(name: str, alarm: Alarm | None) -> None:
        clock.sleep(10.0, alarm)
        woken[name] = clock.now_s()

    def ringer() -> None:
        clock.sleep(3.0)
        clock.ring(alarm)

    with DeviceThreads(clock) as workers:
        workers.call(
            {
                "a": lambda: sleeper("a", alarm),
                "b": lambda: sleeper("b", None),
                "c": ringer,
            }
        )
    assert woken == {"a": 3.0, "b": 10.0}
    clock.sleep(5.0, alarm)
    assert clock.now_s() == 10.0


def test_an_alarm_wakes_a_real_sleeper() -> None:
    """A real sleep of an hour ends when its alarm rings, and so does one that begins later."""
    clock, alarm = RealClock(), Alarm()
    threading.Timer(0.05, lambda: clock.ring(alarm)).start()
    clock.sleep(HOUR_S, alarm)
    clock.sleep(HOUR_S, alarm)
    assert alarm.rung


@pytest.mark.parametrize(
    ("lasts_s", "ticks_s"),
    [
        (0.0, []),
        (4.9, []),
        (5.0, [5.0]),
        (6.0, [5.0]),
        (12.0, [5.0, 10.0]),
        (15.0, [5.0, 10.0, 15.0]),
    ],
)
def test_a_watched_call_ends_when_its_work_ends(lasts_s: float, ticks_s: list[float]) -> None:
    """Ticks come at the moments that were asked for, and none is waited for."""
    clock = VirtualClock()
    ticks: list[float] = []
    with DeviceThreads(clock) as workers:
        workers.call(
            {"long": lambda: clock.sleep(lasts_s), "short": lambda: clock.sleep(lasts_s / 2.0)},
            tick_s=5.0,
            on_tick=lambda: ticks.append(clock.now_s()),
        )
        assert clock.now_s() == lasts_s
        workers.call({"long": lambda: clock.sleep(1.0)})
    assert ticks == ticks_s
    assert clock.now_s() == lasts_s + 1.0


@given(st.lists(st.integers(0, 40), min_size=1, max_size=4), st.integers(1, 12))
def test_ticks_never_delay_a_call(naps_s: list[int], tick_s: int) -> None:
    """Whatever calls run side by side, also where a tick itself takes time on other devices."""
    clock = VirtualClock()
    ticks: list[float] = []
    with DeviceThreads(clock) as workers:

        def look() -> None:
            workers.call({"heater": lambda: clock.sleep(0.25)})
            ticks.append(clock.now_s())

        workers.call(
            {f"{i}": lambda nap_s=nap_s: clock.sleep(nap_s) for i, nap_s in enumerate(naps_s)},
            tick_s=float(tick_s),
            on_tick=look,
        )
    assert clock.now_s() <= max(naps_s) + 0.25
    assert ticks == sorted(ticks)
    assert len(ticks) <= max(naps_s) / tick_s


@pytest.mark.parametrize("new_clock", [RealClock, VirtualClock])
def test_a_short_call_is_not_held_up_by_a_long_tick(new_clock: Callable[[], Clock]) -> None:
    """The test would take an hour otherwise: no tick comes."""
    clock = new_clock()
    with DeviceThreads(clock) as workers:
        done = workers.call(
            {"short": lambda: clock.sleep(0.01) or "done"},  # type: ignore[func-returns-value]
            tick_s=HOUR_S,
            on_tick=lambda: pytest.fail("no tick was due"),
        )
    assert done == {"short": "done"}
    assert clock.now_s() < HOUR_S


def test_an_interrupt_calls_the_tick_at_once() -> None:
    """A person who wants to stop does not wait for the next look, nor for the frames."""
    clock = RealClock()
    begun, over = threading.Event(), threading.Event()

    def frames() -> None:
        begun.set()
        over.wait()

    def obey() -> None:
        over.set()
        raise StopRequested("a person asked the run to stop")

    def press() -> None:
        begun.wait()
        clock.interrupt()

    threading.Thread(target=press).start()
    with DeviceThreads(clock) as workers, pytest.raises(StopRequested):
        workers.call({"spectrometer": frames}, tick_s=HOUR_S, on_tick=obey)


def test_a_device_keeps_its_thread() -> None:
    """However many calls are made, there is one thread a device, and none after the end."""

    def threads() -> list[str]:
        return sorted(t.name for t in threading.enumerate() if t.name in ("device-a", "device-b"))

    with DeviceThreads(RealClock()) as workers:
        for _ in range(20):
            workers.call({"a": lambda: None, "b": lambda: None})
        assert threads() == ["device-a", "device-b"]
    assert threads() == []


def test_devices_share_threads_in_virtual_time() -> None:
    """One thread makes all calls, under the name of each device, and ends with the rig."""
    seen: set[tuple[int, str]] = set()

    def note() -> None:
        thread = threading.current_thread()
        seen.add((thread.ident or 0, thread.name))

    def alive() -> list[str]:
        return [t.name for t in threading.enumerate() if t.name in ("device-a", "device-b")]

    with DeviceThreads(VirtualClock()) as workers:
        for _ in range(20):
            workers.call({"a": note, "b": note})
        assert len(alive()) == len({ident for ident, _ in seen}) == 1
    assert {name for _, name in seen} == {"device-a", "device-b"}
    assert alive() == []


def test_a_call_that_hangs_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """In virtual time too, whether it hangs first or last; its device is told, and no other."""
    monkeypatch.setattr(device_threads, "DEADLINE_S", 2.0)
    for_ever = threading.Event()
    clock = VirtualClock()
    calls = {"a": lambda: "a", "b": for_ever.wait, "c": lambda: clock.sleep(1.0), "d": lambda: "d"}
    with DeviceThreads(clock) as workers:
        for order in (calls, dict(reversed(calls.items()))):
            found = workers.attempt(order)
            assert isinstance(found["b"], DriverHungError)
            assert (found["a"], found["d"]) == ("a", "d")
        for_ever.set()
        assert workers.call({"b": lambda: "b"}) == {"b": "b"}


def test_the_real_clock_counts_the_time_of_a_suspend(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instruments go on meanwhile, so that rig time does; and the clock knows for how long."""
    slept_s = 0.0
    running = clocks._running_s
    monkeypatch.setattr(clocks, "_running_s", lambda: running() + slept_s)
    monkeypatch.setattr(clocks, "_suspended_s", lambda: slept_s)
    clock = RealClock(100.0)
    assert clock.slept_s() < 1.0
    slept_s = 5000.0
    assert clock.slept_s() == pytest.approx(5000.0, abs=1.0)
    assert clock.now_s() >= 5100.0
    slept_s = 4000.0  # a wall clock that is set back, on a system that has no better one
    assert clock.slept_s() == pytest.approx(5000.0, abs=1.0)


def test_the_clocks_of_this_system_agree() -> None:
    """A computer that is awake shows no suspend, and its clocks go on together."""
    before_s, suspended_s = clocks._running_s(), clocks._suspended_s()
    time.sleep(0.05)
    assert clocks._running_s() > before_s
    assert clocks._suspended_s() == pytest.approx(suspended_s, abs=1.0)


def test_a_paced_clock_is_no_faster_than_it_may_and_tells_the_same_time() -> None:
    """The times at which threads wake stay the same; real time waits for them."""
    slept: list[float] = []
    now = 0.0

    def sleep(duration_s: float) -> None:
        nonlocal now
        slept.append(duration_s)
        now += duration_s

    clock = VirtualClock(100.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flowrig.clock.time.monotonic", lambda: now)
        patch.setattr("flowrig.clock.time.sleep", sleep)
        pace(clock, 60.0)
        clock.sleep(30.0)
        clock.sleep(90.0)
        now += 10.0  # computing takes real time, and is not made up for
        clock.sleep(60.0)
    assert slept == pytest.approx([0.5, 1.5, 0.0])
    assert clock.now_s() == 280.0
