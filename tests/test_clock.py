"""Time: real and virtual."""

import threading

from hypothesis import given
from hypothesis import strategies as st

from flowrig.clock import RealClock, VirtualClock
from flowrig.rig.device_threads import DeviceThreads


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


def test_ticks_come_at_known_times() -> None:
    """While calls run, the caller's ticks come at the moments that it asked for."""
    clock = VirtualClock()
    ticks: list[float] = []
    with DeviceThreads(clock) as workers:
        workers.call(
            {"long": lambda: clock.sleep(12.0)},
            tick_s=5.0,
            on_tick=lambda: ticks.append(clock.now_s()),
        )
        assert clock.now_s() == 12.0
    assert ticks == [5.0, 10.0]


def test_a_device_keeps_its_thread() -> None:
    """However many calls are made, there is one thread a device, and none after the end."""

    def threads() -> list[str]:
        return sorted(t.name for t in threading.enumerate() if t.name in ("device-a", "device-b"))

    with DeviceThreads(VirtualClock()) as workers:
        for _ in range(20):
            workers.call({"a": lambda: None, "b": lambda: None})
        assert threads() == ["device-a", "device-b"]
    assert threads() == []
