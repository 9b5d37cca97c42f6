"""The best of a run as its live status tells it, after a resumption too."""

from types import SimpleNamespace
from typing import Any

import pytest
from some_events import decided, measured, resumed

from flowrig.journal.events import ResultEntered
from flowrig.run_record.status import RunStatus


def withdrawn(index: int) -> ResultEntered:
    return ResultEntered(
        entry="", index=index, values={}, units={}, by="", entered="", lost="wrong vial"
    )


def followed(*events: Any) -> RunStatus:
    status = RunStatus()
    for data in events:
        status(SimpleNamespace(time_s=0.0, data=data))  # type: ignore[arg-type]
    return status


@pytest.mark.parametrize(
    ("lost", "best"), [((), 0.6), ((2,), 0.4), ((1,), 0.6), ((2, 1), None), ((3,), 0.6)]
)
def test_a_result_withdrawn_after_a_resumption_lowers_the_best(
    lost: tuple[int, ...], best: float | None
) -> None:
    """The process that goes on has not seen the results of the one before."""
    merits = {"1": 0.4, "2": 0.6}
    status = followed(resumed(best=0.6, merits=merits), *map(withdrawn, lost))
    assert status.best == best


def test_an_older_journal_tells_the_best_alone() -> None:
    assert followed(resumed(best=0.6)).best == 0.6
    assert followed(resumed(best=0.6), withdrawn(2)).best == 0.6


def entered(index: int, objective: float) -> ResultEntered:
    return ResultEntered(
        entry="", index=index, values={}, units={}, by="", entered="", objective=objective
    )


@pytest.mark.parametrize(("quality", "best"), [("good", 0.6), ("doubtful", None), ("bad", None)])
def test_only_a_good_experiment_that_waits_can_be_the_best(
    quality: str, best: float | None
) -> None:
    """A doubtful one waits for its result like a good one, and is not the best with it."""
    status = followed(measured(2, objective=None, quality=quality))
    assert status.waiting == (set() if quality == "bad" else {2})
    status = followed(measured(2, objective=None, quality=quality), entered(2, 0.6))
    assert (status.best, status.waiting) == (best, set())


@pytest.mark.parametrize(("sound", "best"), [((1, 2), 0.6), ((1,), 0.4), ((), 0.4), (None, 0.6)])
def test_a_doubtful_experiment_is_not_the_best_after_a_resumption(
    sound: tuple[int, ...] | None, best: float
) -> None:
    """The process that goes on is told which of those that wait are sound; an older one is not."""
    again = resumed(best=0.4, merits={"1": 0.4}, waiting=(2,), sound=sound)
    assert followed(again, entered(2, 0.6)).best == best


def test_a_dye_is_not_the_best_where_it_was_decided_before_a_resumption() -> None:
    """The process that goes on has not seen the decision of the one before."""
    dye = measured(2, objective=0.9)
    assert followed(decided(2, is_foreign=True), dye).best is None
    assert followed(resumed(best=0.4, merits={"1": 0.4}, unsettled=(2,)), dye).best == 0.4
