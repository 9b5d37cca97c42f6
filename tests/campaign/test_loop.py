"""The loop around the experiments: batches, thinking on a hot plate, the syringes' account."""

import math
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from watched_rig import WORLD, plugins_with, run_watched

import flowrig as package
from flowrig.clock import RealClock
from flowrig.errors import FlowrigError, StopRequested
from flowrig.journal.events import Intent
from flowrig.journal.journal import FILE_NAME, AnyEvent, Journal
from flowrig.operator.requests import OperatorRequests, Request
from flowrig.procedure import watch
from flowrig.procedure.executor import Executor
from flowrig.run_record.reader import RunRecord
from flowrig.safety.actuation import Actuation
from flowrig.safety.syringes import SyringeLedger

Short = Callable[..., Path]


def test_a_batch_is_decided_as_a_whole(short: Short, tmp_path: Path) -> None:
    """Whoever reads the file, or goes on after kill -9, finds all of a batch or none of it."""
    seen: set[int] = set()

    def look(event: AnyEvent) -> None:
        if event.kind == "decided":
            with RunRecord(tmp_path / "run", plugins_with()) as record:
                seen.add(len(record.decisions()))

    run_watched(short(3, 1, WORLD), tmp_path / "run", listeners=[look])
    assert seen == {0, 3, 4}


def test_a_model_is_checked_when_the_rig_is_at_rest(
    short: Short, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes its time, and what goes wrong in it takes nothing back from the campaign."""
    journalled: list[str] = []

    def wrong(record: RunRecord) -> None:
        journalled.extend(event.kind for event in record.journal.events())
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("flowrig.campaign.final_check.check_model", wrong)
    outcome, _, _ = run_watched(short(1, 1, WORLD), tmp_path / "run")
    assert journalled[-1] == "safe-state"
    assert (outcome.state, outcome.exit_code) == ("finished", 0)
    assert "could not be checked: a bug" in outcome.reason
    with Journal(tmp_path / "run" / FILE_NAME) as journal:
        assert journal.last().kind == "ended"  # type: ignore[union-attr]


@pytest.mark.parametrize(("stop", "error"), [(True, StopRequested), (False, FlowrigError)])
def test_the_rig_is_watched_while_conditions_are_chosen(
    short: Short, monkeypatch: pytest.MonkeyPatch, stop: bool, error: type[FlowrigError]
) -> None:
    """A wish to stop is obeyed while an optimizer thinks, and one that thinks for ever is left."""
    monkeypatch.setattr(watch, "COMPUTE_WATCH_S", 0.05)
    monkeypatch.setattr(watch, "COMPUTE_S", 0.5)
    requests, kinds, for_ever = OperatorRequests(), [], threading.Event()
    with package.open_rig(str(short()), simulate=True, clock=RealClock(), prepare=False) as rig:
        # Not before the rig is open: drivers in real time need longer on a busy machine.
        monkeypatch.setattr("flowrig.rig.device_threads.DEADLINE_S", 3.0)
        actuation = Actuation(rig, lambda event: 0, SyringeLedger(rig.profile))
        executor = Executor(actuation, lambda data: kinds.append(data.kind), requests)
        if stop:
            threading.Timer(0.3, requests.ask, [Request.STOP]).start()
        with pytest.raises(error, match="stop" if stop else "no result"):
            executor.compute("choosing", for_ever.wait)
        for_ever.set()
        assert "reading" in kinds


@pytest.mark.parametrize("told_ul", [None, math.nan, math.inf, -3.0])
def test_a_pump_that_tells_no_volume_is_charged_by_time(
    short: Short, told_ul: float | None
) -> None:
    """Nonsense from a pump never makes a syringe look full."""
    ledger = SyringeLedger(package.load_profile(short(), plugins_with()))
    ledger.follow(0.0, Intent(command="start", flow_rates_ul_min={"CuI": 100.0}))
    assert ledger.charge_of(120.0, {"CuI": told_ul}).volumes_ul == {"CuI": 200.0}
