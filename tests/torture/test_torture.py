"""The fault board: some of its cells, and breaches that the judge must detect."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from patience import unhurried

from flowrig.campaign import loop
from flowrig.campaign.campaign_journal import CampaignJournal
from flowrig.cli import main
from flowrig.journal import journal
from flowrig.journal.check import Examination, Examined
from flowrig.journal.events import EventData, Intent, SafeStateSought
from flowrig.journal.writer import Tail
from flowrig.measurement import features
from flowrig.problem.door import Door
from flowrig.rig.rig import Rig
from flowrig.run import start
from flowrig.run.session import RunSession
from flowrig.run_record.changes import Changes
from flowrig.safety import flush, safe_state
from flowrig.safety.changed_elsewhere import ChangeWatch
from flowrig.safety.safe_state import SafeState, SafeStateSequence
from flowrig.safety.syringes import Charge, SyringeLedger
from flowrig.safety_rules import HeaterWatch, HeatNeedsFlow, StreamWatch
from flowrig.torture import (
    FAULTS,
    Board,
    Cell,
    Kind,
    applicable,
    choose_cells,
    choose_pairs,
    choose_points,
    run_cell,
)
from flowrig.torture.rehearsal import REHEARSED


def slow(*values: Any) -> Any:
    """A row for which `flowrig torture --quick` or another row here stands."""
    return pytest.param(*values, marks=pytest.mark.slow)


def play(text: str) -> set[Kind]:
    """The kinds of promises that broke in a cell."""
    return {breach.kind for breach in run_cell(Cell.parse(text)).breaches}


@pytest.mark.parametrize(
    "cell",
    [
        "0/connect/1",
        "1/settle/1",
        slow("3/measure/1"),
        slow("6/connect/1"),
        slow("7/connect/1"),
        slow("8/settle/1"),
        slow("10/commit/2"),
        slow("13/flow/1"),
        slow("15/connect/1"),
        slow("17/settle/1"),
        slow("16/connect/1"),
        slow("21/connect/1"),
        slow("22/flow/1"),
        slow("24/heat-up/1"),
        slow("26/flow/1"),
        slow("27/settle/1"),
        slow("29/connect/1"),
        slow("34/settle/1"),
        slow("35/settle/1"),
        slow("37/suggest/1"),
        slow("41/commit/1"),
        "42/commit/1",
        slow("42/flush/1"),
        slow("43/heat-up/1"),
        slow("45/measure/2"),
        slow("45/prime/4"),
        slow("45/heat-up/2"),
        slow("46/prime/1"),
        slow("47/connect/3"),
        slow("49/settle/1"),
        slow("49/flush/1"),
        slow("50/settle/1"),
        slow("50/measure/1"),
        slow("51/settle/1"),
        slow("51/heat-up/2"),
        slow("52/measure/1"),
        slow("1/plate-exchange-9/1"),
        slow("41/journal-event-100/1"),
        slow("42/journal-event-60/1"),
        slow("42/pump_cui-byte-300/1"),
        slow("42/pump_cui-byte-3366/19"),
        slow("41/journal-event-308/1"),
        slow("26+27/heat-up/20"),
        slow("26+23/settle/122"),
        slow("26+49/heat-up/1"),
        slow("42+34/measure/1"),
        slow("13+41/settle/1"),
        slow("14+41/measure/27"),
        slow("17+34/prime/50"),
        slow("53/settle/1"),
        slow("53/heat-up/2"),
        slow("54/settle/1"),
        slow("55/heat-up/2"),
        slow("56/measure/4"),
        slow("56/prime/1"),
        slow("57/settle/1"),
        slow("57/measure/1"),
        slow("60/measure/1"),
        slow("61/settle/1"),
        slow("62/settle/1"),
        slow("63/heat-up/1"),
        slow("54+1/settle/1"),
        slow("56+34/measure/2"),
    ],
)
@unhurried
def test_every_promise_holds(cell: str) -> None:
    """With every fault nothing is lost, unsafe, doubled or unreported."""
    assert play(cell) == set()


@pytest.mark.slow
@unhurried
def test_a_cell_replays() -> None:
    """A cell that is run twice ends twice in the same way, with the same messages."""
    one, two = (run_cell(Cell.parse("1/heat-up/2")) for _ in range(2))
    assert (one.endings, one.texts, one.breaches) == (two.endings, two.texts, two.breaches)


# --- the judge detects protections that are switched off ---


@pytest.mark.slow
def test_a_safe_state_that_is_skipped_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that claims to be safe but is not leaves a hot plate and flowing reagents."""

    def only_says(self: RunSession, *_: Any, **__: Any) -> SafeState:
        self._write_if_possible(SafeStateSought(reached=True, steps=(), text="safe"))
        return SafeState(())

    monkeypatch.setattr(RunSession, "_go_safe", only_says)
    assert Kind.UNSAFE in play("9/settle/1")


def test_a_ledger_that_is_not_written_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Liquid that moves without being charged is counted as moved twice."""
    monkeypatch.setattr(SyringeLedger, "charge_of", lambda *_, **__: Charge({}, ()))
    assert Kind.DOUBLE in play("0/connect/1")


@pytest.mark.slow
def test_supervision_that_is_off_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the heater watch, a plate whose sensor shows too little gets too hot."""
    monkeypatch.setattr(HeaterWatch, "check", lambda *_: iter(()))
    assert Kind.UNSAFE in play("24/heat-up/1")


@pytest.mark.slow
def test_an_unknown_command_that_is_repeated_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A start whose answer is lost, and that is sent again blindly, moves liquid twice."""
    once: Callable[..., None] = Rig.start

    def twice(self: Rig, streams: Any) -> None:
        once(self, streams)
        self.stop(streams)
        once(self, streams)

    monkeypatch.setattr(Rig, "start", twice)
    assert Kind.DOUBLE in play("22/flow/2")


def forget_intents(self: RunSession, data: EventData, write: Any = RunSession._write) -> int:
    """Write every event except intents."""
    return 0 if isinstance(data, Intent) else write(self, data)


def nothing(*_: Any, **__: Any) -> None:
    """Find nothing wrong."""


def no_damage(*_: Any, **__: Any) -> Examination:
    """Examines nothing, and finds no damage."""
    return Examination(None, Examined())


def no_trips(*_: Any, **__: Any) -> Iterator[Any]:
    """Find no broken rule."""
    return iter(())


@pytest.mark.parametrize(
    ("off", "cell", "shows"),
    [
        slow((HeatNeedsFlow, "_broken", nothing), "29/connect/1", Kind.UNSAFE),
        slow((StreamWatch, "check", no_trips), "9/settle/1", Kind.LOST),
        slow((flush, "require_cooling", nothing), "26/flow/1", Kind.UNSAFE),
        slow((journal, "examine", no_damage), "45/commit/3", Kind.LOST),
        slow((Changes, "require_accepted", nothing), "46/settle/1", Kind.UNEXPECTED),
        slow((start, "_require_reset", nothing), "24/heat-up/1", Kind.UNSAFE),
        slow((features, "frame_flags", lambda *_: []), "31/flow/1", Kind.LOST),
        slow((features, "plug_flags", lambda *_: []), "17/settle/1", Kind.LOST),
        ((Door, "_inside", lambda self, batch: [True] * len(batch)), "39/suggest/1", Kind.LOST),
        slow((RunSession, "_write", forget_intents), "0/connect/1", Kind.DOUBLE),
        slow((loop, "with_changed_lights", lambda taken, *_: taken), "42+34/measure/1", Kind.LOST),
        slow((safe_state, "perhaps_stuck", lambda *_: []), "26+27/heat-up/20", Kind.UNSAFE),
        slow((Tail, "keep", nothing), "41/journal-event-341/2", Kind.LOST),
        slow((SafeStateSequence, "_repeat", nothing), "49/settle/1", Kind.UNEXPECTED),
        slow((RunSession, "_rescued", nothing), "51/settle/1", Kind.UNSAFE),
        slow((CampaignJournal, "_suspends_since", lambda *_: ()), "52/settle/1", Kind.LOST),
        slow((ChangeWatch, "changes", lambda *_, **__: []), "54/measure/1", Kind.LOST),
        slow((ChangeWatch, "spectrometer_changes", lambda *_: []), "56/prime/2", Kind.LOST),
    ],
    ids=[
        "interlock", "stream watch", "cooling", "chain of the journal", "changes",
        "latched trips", "flags of frames", "flags of light", "gate of suggestions", "intents",
        "changes of light", "heaters that may be stuck", "events that wait for the disk",
        "steps that are repeated", "safe state without an instrument", "flag of a suspend",
        "settings of pumps", "settings of spectrometers",
    ],
)  # fmt: skip
@unhurried
def test_what_is_switched_off_shows(
    monkeypatch: pytest.MonkeyPatch,
    off: tuple[Any, str, Callable[..., Any]],
    cell: str,
    shows: Kind,
) -> None:
    """The judge detects each protection that is switched off."""
    monkeypatch.setattr(*off)
    assert shows in play(cell)


# --- the board ---


def test_every_fault_is_on_the_board() -> None:
    """All faults are there, with phases or with the reason why this rig cannot have them."""
    assert list(FAULTS) == [*range(72)]
    for fault in FAULTS.values():
        assert bool(fault.phases) == (fault.make is not None) == (not fault.why_not)


def test_a_full_board_has_every_phase_of_every_fault() -> None:
    """No cell is left out, and the control is there."""
    cells = choose_cells(full=True, seeds=2, healthy=3)
    assert (
        len(set(cells))
        == len(cells)
        == 3 + 2 * sum(phase in REHEARSED for f in applicable() for phase in f.phases)
    )


@pytest.mark.slow
def test_the_command_plays_cells_side_by_side() -> None:
    """A board of one fault in one phase is printed as JSON, from separate processes."""
    words = ["torture", "--faults", "16", "--seeds", "2", "--jobs", "1", "--json"]
    done = CliRunner().invoke(main, words)
    board = json.loads(done.stdout)
    assert done.exit_code == 0, done.output
    assert board["campaigns"] == 2
    assert [cell["endings"] for cell in board["cells"]] == [["refused"], ["refused"]]


@pytest.mark.slow
def test_points_are_drawn_from_all_that_happens() -> None:
    """Random points are the same every time; all points are every write and every exchange."""
    once, again = (choose_points(count=20, seeds=2) for _ in range(2))
    assert once == again
    assert len(once) == 20
    assert {cell.seed for cell in once} == {1, 2}
    assert [Cell.parse(str(cell)) for cell in once] == once
    every = {str(cell.moment) for cell in choose_points(count=None, faults=[41])}
    assert {"journal-event-1", "journal-event-200"} <= every


def test_pairs_are_drawn_from_all_that_strikes_anywhere() -> None:
    """Random pairs are the same every time; the text of a cell with two faults parses back."""
    once, again = (choose_pairs(count=40, seeds=3) for _ in range(2))
    assert once == again
    assert len(once) == 40
    assert {cell.seed for cell in once} == {1, 2, 3}
    assert all(cell.second for cell in once)
    assert [Cell.parse(str(cell)) for cell in once] == once
    assert len({(cell.fault, cell.second) for cell in once}) > 30


@pytest.mark.parametrize(
    "words",
    [
        ["--points", "3", "--faults", "13"],
        ["--points", "x"],
        ["--replay", "13/plate-byte-3/1"],
        ["--faults", "19"],
        ["--faults", "99"],
        ["--faults", "x"],
        ["--replay", "19/flow/1"],
        ["--replay", "13+42/flow/1"],
        ["--replay", "1+41/plate-exchange-9/1"],
    ],
)
def test_what_is_not_on_the_board_is_refused(words: list[str]) -> None:
    """A fault that the rig cannot have is refused, not counted as survived."""
    assert CliRunner().invoke(main, ["torture", *words]).exit_code == 2


@pytest.mark.slow
def test_a_broken_promise_is_printed_with_the_command_that_replays_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The exit code is 1, and the command is there to be copied."""
    monkeypatch.setattr(SyringeLedger, "charge_of", lambda *_, **__: Charge({}, ()))
    done = CliRunner().invoke(main, ["torture", "--replay", "0/connect/1"])
    assert done.exit_code == 1
    assert "flowrig torture --replay 0/connect/1" in done.output


def test_totals_count_campaigns_and_not_breaches() -> None:
    """A campaign that loses two measurements counts once."""
    result = run_cell(Cell.parse("16/connect/1"))
    assert Board([result]).totals["lost"] == 0
