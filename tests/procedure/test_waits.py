"""Waits of a procedure on a real clock: they end with their work, and when a person wants it."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import flowrig as package
from flowrig.clock import RealClock
from flowrig.errors import StopRequested
from flowrig.journal.events import EventData, Reading
from flowrig.operator.requests import OperatorRequests, Request
from flowrig.procedure.executor import Executor
from flowrig.procedure.steps import Acquire, Step, Wait, WaitSteady
from flowrig.rig.rig import Rig
from flowrig.safety.actuation import Actuation
from flowrig.safety.syringes import SyringeLedger

HOUR_S = 3600.0
NAMES = ("hdx_absorbance", "hdx_pl")


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    """An emulated rig in real time."""
    with package.open_rig("cs3cu2i5-heatup-chem3", simulate=True, clock=RealClock()) as rig:
        yield rig


def executor_of(
    rig: Rig, requests: OperatorRequests, note_event: Callable[[EventData], object]
) -> Executor:
    """An executor that nothing is journalled of."""
    rig.clock.clear_interrupt()
    requests.connect(rig.clock.interrupt)
    return Executor(
        Actuation(rig, lambda data: 0, SyringeLedger(rig.profile)), note_event, requests
    )


def one(step: Step) -> Iterator[Step]:
    """A procedure of one step."""
    yield step


@pytest.mark.parametrize(
    "step",
    [
        Wait(HOUR_S, "an hour"),
        WaitSteady({"plate": 150.0}),
        Acquire(NAMES, 10, HOUR_S, "sample"),
    ],
    ids=["wait", "heating", "frames"],
)
def test_a_person_who_wants_to_stop_does_not_wait(rig: Rig, step: Step) -> None:
    """The wait ends as soon as a person asks for it; the test would take an hour otherwise."""
    requests, begun = OperatorRequests(), threading.Event()

    def press() -> None:
        begun.wait()
        requests.ask(Request.STOP)

    executor = executor_of(rig, requests, lambda data: begun.set())
    threading.Thread(target=press).start()
    with pytest.raises(StopRequested):
        executor.run(one(step))  # type: ignore[arg-type]


def test_a_person_who_wants_to_stop_does_not_wait_for_a_computation(rig: Rig) -> None:
    """It goes on in its thread, and nobody listens to it any more."""
    requests, over = OperatorRequests(), threading.Event()

    def think() -> None:
        requests.ask(Request.STOP)
        over.wait()

    executor = executor_of(rig, requests, lambda data: None)
    with pytest.raises(StopRequested):
        executor.compute("thinking", think)
    over.set()


def test_a_watched_wait_ends_with_its_work(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames and computations do not wait for the next look, which would come in an hour."""
    monkeypatch.setattr("flowrig.procedure.watch.WATCH_S", HOUR_S)
    monkeypatch.setattr("flowrig.procedure.watch.COMPUTE_WATCH_S", HOUR_S)
    seen: list[Any] = []
    executor = executor_of(rig, OperatorRequests(), seen.append)
    frames = executor.run(_frames())
    assert {name: taken.counts.shape[0] for name, taken in frames.items()} == dict.fromkeys(
        NAMES, 3
    )
    assert executor.compute("thinking", lambda: time.sleep(0.01) or "done") == "done"  # type: ignore[func-returns-value]
    assert not [data for data in seen if isinstance(data, Reading)]


def _frames() -> Any:
    return (yield Acquire(NAMES, 3, 0.01, "sample"))
