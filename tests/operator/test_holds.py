"""A run on hold: what goes on, what it waits for, and how a person lets it go on."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watched_rig import WORLD, assert_at_rest, moved_ul, plugins_with, run_watched

from flowrig.errors import InputError
from flowrig.journal.events import (
    Calibrated,
    EventData,
    GateOpened,
    HoldBegun,
    Intent,
    Measured,
    OperatorAsked,
    Outcome,
    Reading,
    SafeStateSought,
    Tripped,
    WasteLevels,
    WentOn,
)
from flowrig.journal.journal import AnyEvent
from flowrig.operator.hold import Hold, HoldKind
from flowrig.operator.requests import OperatorRequests, Request
from flowrig.planning.plan import plan_campaign
from flowrig.plugins.registry import Plugins
from flowrig.profile import load_profile
from flowrig.run.control_socket import CONTROL_NAME
from flowrig.run.options import ResumeOptions
from flowrig.run.start import resume_run
from flowrig.run_record.reader import RunRecord
from flowrig.safety.syringes import SyringeLedger

PROFILE = """\
extends = "cs3cu2i5-heatup-chem3"

[analysis]
frames = 8
dark_frames = 2
frame_interval = "100 ms"
reactive_frames = 4

[calibration]
duration = "10 s"

[residence_time]
equilibrium = 0.5

[campaign]

[[campaign.stages]]
name = "explore"
optimizer = "lhs"
experiments = 3
batch = 3
order_by = "temperature"

"""

SMALL = '[streams.CuI]\nsyringe = { volume = "0.25 mL", inner_diameter = "2.3 mm" }\n'
"""Enough for two of three experiments, as 0.1 mL has to stay in it."""

WASTE = '[path.waste]\nvolume = "9.2 mL"\n'
"""8 mL are kept free for the flush; the lamp reference and two experiments fill the rest."""


class Helper:
    """Sits beside a run and does what it waits for.

    Attributes:
        seen: a reading of every time that the run waited.
    """

    def __init__(self, **done: tuple[str, ...]) -> None:
        self.requests = OperatorRequests()
        self.requests.attended = True
        self.done = done
        self.seen: list[AnyEvent] = []

    def __call__(self, event: AnyEvent) -> None:
        waits = self.requests.hold is not None and self.requests.answer is None
        if event.kind == "reading" and waits:
            self.seen.append(event)
            self.requests.ask(Request.GO_ON, **self.done)


def ran(folder: Path, more: str = "", helper: Helper | None = None, **options: Any) -> Any:
    """A short run, with somebody beside it."""
    profile = folder / "held.toml"
    profile.write_text(PROFILE + WORLD + more, encoding="utf-8")
    if helper is not None:
        options |= {"requests": helper.requests, "listeners": [helper]}
    return run_watched(profile, folder / "run", **options)


def journalled(folder: Path, *kinds: type[EventData]) -> list[AnyEvent]:
    """Events of a run, of some kinds."""
    with RunRecord(folder / "run", plugins_with()) as record:
        return list(record.journal.events(*kinds))


def kinds_of(folder: Path, *kinds: type[EventData]) -> list[str]:
    """As `journalled`, without their data."""
    return [event.kind for event in journalled(folder, *kinds)]


def test_a_refill_in_time_costs_nothing(tmp_path: Path) -> None:
    """It is told what and how much; the run goes on where it was, without a safe state between."""
    outcome, world, clock = ran(tmp_path, SMALL, Helper(refilled=("CuI",)))
    assert outcome.state == "finished", outcome.reason
    assert_at_rest(world, clock)
    assert kinds_of(tmp_path, Calibrated, Measured, HoldBegun, WentOn, SafeStateSought) == [
        "calibrated", "measured", "measured", "hold", "went-on", "measured", "safe-state",
    ]  # fmt: skip
    (hold,) = journalled(tmp_path, HoldBegun)
    assert re.match(
        r"refill CuI: 0\.1\d mL left, 0\.1 mL of it has to stay, 0\.0\d mL needed, fill up to 0",
        hold.data.text,
    )
    assert hold.data.text.endswith(", enough of CuI for 1 of the 1 experiments to come")
    assert (hold.data.refill, hold.data.flows) == (("CuI",), ("PFO",))
    assert moved_ul(world)["cui"] > 200.0
    with RunRecord(tmp_path / "run", plugins_with()) as record:
        assert record.ledger().left_ul["CuI"] > 100.0


@pytest.mark.slow
def test_who_does_not_say_what_was_done_is_refused(tmp_path: Path) -> None:
    """The run waits until the syringe is told to be full; another name is none of its streams."""
    helper = Helper(refilled=("CuI",))
    refused: list[str] = []

    def careless(event: AnyEvent) -> None:
        if event.kind == "hold":
            for refilled in ((), ("CuJ",)):
                with pytest.raises(InputError) as raised:
                    helper.requests.ask(Request.GO_ON, refilled=refilled)
                refused.append(str(raised.value))

    profile = tmp_path / "held.toml"
    profile.write_text(PROFILE + WORLD + SMALL, encoding="utf-8")
    outcome, _, _ = run_watched(
        profile, tmp_path / "run", requests=helper.requests, listeners=[careless, helper]
    )
    assert outcome.state == "finished"
    assert "say --refilled CuI" in refused[0]
    assert "no stream 'CuJ'" in refused[1]
    told = [e.data.refused != "" for e in journalled(tmp_path, OperatorAsked)]
    assert told == [True, True, False]


NAMES = st.lists(st.sampled_from(["CuI", "ODE", "PFO", "waste"]), unique=True)


@given(need=NAMES, done=NAMES, paused=st.booleans())
def test_a_run_goes_on_only_if_all_that_it_waits_for_was_done(
    need: list[str], done: list[str], paused: bool
) -> None:
    """More may be done than was asked for; what the rig does not have is none; once is enough."""
    board = OperatorRequests()
    board.name_vessels(["CuI", "ODE"], ["waste"])
    if paused:
        board.ask(Request.PAUSE)
    refill, empty = [n for n in need if n in ("CuI", "ODE")], [n for n in need if n == "waste"]
    said = {
        "refilled": [n for n in done if n != "waste"],
        "emptied": [n for n in done if n == "waste"],
    }
    hold = Hold(kind=HoldKind.NEED, text="it", refill=tuple(refill), empty=tuple(empty))
    with board.holding(hold):
        enough = "PFO" not in done and set(refill) | set(empty) <= set(done)
        if not enough:
            with pytest.raises(InputError):
                board.ask(Request.GO_ON, **said)
            assert board.answer is None
            return
        board.ask(Request.GO_ON, **said)
        assert board.answer is not None
        assert [*board.answer.refilled, *board.answer.emptied] == [
            *said["refilled"],
            *said["emptied"],
        ]
        board.obey(may_pause=True, may_skip=True)  # there is no pause left to obey
        with pytest.raises(InputError, match="goes on already"):
            board.ask(Request.GO_ON, **said)
    with pytest.raises(InputError):
        board.ask(Request.GO_ON)


@pytest.mark.slow
def test_a_hold_that_nobody_ends_leads_to_the_safe_state(tmp_path: Path) -> None:
    """10 minutes later, in simulated time at once; a resume says that the syringe is full."""
    outcome, world, clock = ran(tmp_path, SMALL)
    assert (outcome.state, outcome.exit_code) == ("held", 3)
    assert outcome.reason.endswith("then resume with --refilled CuI")
    assert_at_rest(world, clock)
    hold, ended = journalled(tmp_path, HoldBegun, SafeStateSought)
    assert ended.time_s - hold.time_s >= 600.0
    readings = [e for e in journalled(tmp_path, Reading) if hold.time_s < e.time_s < ended.time_s]
    assert all(e.data.heaters["plate"].set_point_c > 100.0 for e in readings[:60])
    assert {e.data.pumps["CuI"] for e in readings} == {"stopped"}
    assert {e.data.pumps["PFO"] for e in readings[5:60]} == {"running"}
    resumed = resume_run(tmp_path / "run", ResumeOptions(refilled=["CuI"], plugins=plugins_with()))
    assert resumed.state == "finished"


def test_an_interlock_that_asks_for_a_person_keeps_the_plate_hot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the account before was wrong, the experiment is given up, and begun again."""
    monkeypatch.setattr(SyringeLedger, "short_of", lambda self, volumes_ul: {})
    more = (
        '[[interlocks]]\nkind = "syringe-not-empty"\nstreams = ["CuI"]\naction = "hold"\n'
        'remainder = "49.92 mL"\n'
    )
    helper = Helper(refilled=("CuI",))
    outcome, world, clock = ran(tmp_path, more, helper)
    assert outcome.state == "finished", outcome.reason
    assert_at_rest(world, clock)
    holds = journalled(tmp_path, HoldBegun)
    assert {tuple(hold.data.refill) for hold in holds} == {("CuI",)}
    assert {trip.data.action for trip in journalled(tmp_path, Tripped)} == {"hold"}
    assert "heater-off" not in [
        e.data.command for e in journalled(tmp_path, Intent) if e.time_s < holds[-1].time_s
    ]


def test_a_full_waste_holds_before_it_overflows(tmp_path: Path) -> None:
    """Nothing flows while it is emptied; the account begins anew, and the plan foretold it."""
    helper = Helper(emptied=("waste",))
    outcome, world, clock = ran(tmp_path, WASTE, helper)
    assert outcome.state == "finished", outcome.reason
    (hold,) = journalled(tmp_path, HoldBegun)
    assert hold.data.text.startswith("empty waste: ")
    assert (hold.data.empty, hold.data.flows) == (("waste",), ())
    assert set(helper.seen[0].data.pumps.values()) == {"stopped"}
    assert_at_rest(world, clock)
    with RunRecord(tmp_path / "run", plugins_with()) as record:
        filled_ul = record.ledger().waste.filled_ul["waste"]
        assert record.summary()["waste"]["waste"] == {
            "filled_ul": filled_ul,
            "capacity_ul": 9_200.0,
        }
        after = [e for e in record.journal.events(Outcome) if e.sequence > hold.sequence]
        assert filled_ul == pytest.approx(
            sum(sum((e.data.dispensed_ul or {}).values()) for e in after)
        )
    levels = [e.data.vessels["waste"].filled_ul for e in journalled(tmp_path, WasteLevels)]
    assert max(levels) <= 1_200.0

    told = plan_campaign(load_profile(tmp_path / "held.toml", plugins_with()))
    (emptying,) = told.emptyings
    measured = [e.kind for e in journalled(tmp_path, Measured) if e.sequence < hold.sequence]
    assert emptying.experiment == len(measured) + 1
    assert emptying.wastes == ("waste",)


@pytest.mark.slow
def test_a_full_waste_is_emptied_for_a_resume(tmp_path: Path) -> None:
    """Nobody came; the flush of the safe state still fits, and the resume says that it is empty."""
    outcome, _, _ = ran(tmp_path, WASTE)
    assert outcome.state == "held"
    assert outcome.reason.endswith("then resume with --emptied waste")
    with RunRecord(tmp_path / "run", plugins_with()) as record:
        assert 1_200.0 < record.ledger().waste.filled_ul["waste"] < 9_200.0
    with pytest.raises(InputError, match="no waste with a volume 'wast'; there are waste"):
        resume_run(tmp_path / "run", ResumeOptions(emptied=["wast"], plugins=plugins_with()))
    resumed = resume_run(tmp_path / "run", ResumeOptions(emptied=["waste"], plugins=plugins_with()))
    assert resumed.state == "finished", resumed.reason


def test_a_waste_that_is_too_small_is_told(tmp_path: Path) -> None:
    """The profile is refused whose waste cannot take what the safe state flushes."""
    profile = tmp_path / "held.toml"
    profile.write_text(PROFILE + '[path.waste]\nvolume = "7 mL"\n', encoding="utf-8")
    with pytest.raises(InputError, match="the safe state flushes up to 8 mL into 'waste'"):
        load_profile(profile, Plugins.discover())


GATES = """
[[gates]]
name = "hot"
before = "heating"
above = "{above} degC"
asks = "is the hood shut?"

[[gates]]
name = "reagents"
before = "flow"
streams = ["CuI"]
each_time = true

[[gates]]
name = "campaign"
before = "stage"
stage = "explore"
"""


def asked(folder: Path) -> list[tuple[str, str]]:
    """Which gates were opened by whom, in order."""
    return [(e.data.gate, e.data.by) for e in journalled(folder, GateOpened)]


def test_nothing_is_heated_or_pumped_while_a_gate_is_closed(tmp_path: Path) -> None:
    """Each is asked when its moment comes, once or each time, and who answered is on record."""
    helper = Helper()
    outcome, _, _ = ran(tmp_path, GATES.format(above=140), helper)
    assert outcome.state == "finished", outcome.reason
    opened = asked(tmp_path)
    assert {by for _, by in opened} == {"program"}
    names = [gate for gate, _ in opened]
    assert names[0] == "campaign"
    assert (names.count("hot"), names.count("reagents")) == (1, 3)
    for event in helper.seen:
        assert set(event.data.pumps.values()) == {"stopped"}
    set_points = [
        (e.kind, (getattr(e.data, "set_points_c", None) or {}).get("plate"))
        for e in journalled(tmp_path, Intent, GateOpened)
        if e.kind == "intent" or e.data.gate == "hot"
    ]
    before = set_points[: set_points.index(("gate-opened", None))]
    assert max((c for _, c in before if c is not None), default=0.0) <= 140.0


@pytest.mark.parametrize(
    ("yes_to", "by"), [((), "simulation"), (("hot", "reagents", "campaign"), "--yes-to")]
)
@pytest.mark.slow
def test_a_gate_can_be_opened_ahead(tmp_path: Path, yes_to: tuple[str, ...], by: str) -> None:
    """By name; in simulated time with nobody there it opens by itself, and the journal says so."""
    outcome, _, _ = ran(tmp_path, GATES.format(above=100), yes_to=yes_to)
    assert outcome.state == "finished"
    assert {who for _, who in asked(tmp_path)} == {by}
    assert kinds_of(tmp_path, HoldBegun) == []


@pytest.mark.slow
def test_a_gate_that_nobody_opens_leads_to_the_safe_state(tmp_path: Path) -> None:
    """Nothing was heated; a resume asks again, or is told the answer."""
    requests = OperatorRequests()
    requests.attended = True
    more = GATES.format(above=100) + '[hold]\nlongest = "200 ms"\n'
    outcome, world, clock = ran(tmp_path, more, requests=requests, yes_to=["campaign"])
    assert outcome.state == "held"
    assert "is the hood shut?" in outcome.reason
    assert "--yes-to hot" in outcome.reason
    assert_at_rest(world, clock)
    assert "set-temperatures" not in [e.data.command for e in journalled(tmp_path, Intent)]
    with pytest.raises(InputError, match="the profile has: hot, reagents, campaign"):
        resume_run(tmp_path / "run", ResumeOptions(yes_to=["hut"], plugins=plugins_with()))
    resumed = resume_run(tmp_path / "run", ResumeOptions(yes_to=["hot"], plugins=plugins_with()))
    assert resumed.state == "finished"


def test_a_plan_tells_what_it_will_ask(flowrig: Any, tmp_path: Path) -> None:
    """Every gate, with its moment, how often, and the question."""
    profile = tmp_path / "held.toml"
    profile.write_text(PROFILE + GATES.format(above=140), encoding="utf-8")
    told = plan_campaign(load_profile(profile, Plugins.discover())).questions
    assert [one.gate for one in told].count("reagents") == 3
    assert told[0].gate == "campaign"
    text = " ".join(flowrig("plan", profile).stdout.split())
    assert "gate hot, before heating anything above 140 °C: you are asked " in text
    assert "is the hood shut?" in text
    assert "and 2 times more" in text


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ('[[gates]]\nname = "a"\nbefore = "heating"\n', "needs a key 'above'"),
        ('[[gates]]\nname = "a"\nbefore = "flow"\nstreams = ["CuJ"]\n', "unknown stream 'CuJ'"),
        (
            '[[gates]]\nname = "a"\nbefore = "flow"\nstreams = ["CuI"]\nstage = "explore"\n',
            "takes no key 'stage'",
        ),
        ('[[gates]]\nname = "a"\nbefore = "stage"\nstage = "exploit"\n', "unknown stage 'exploit'"),
        (2 * '[[gates]]\nname = "a"\nbefore = "stage"\nstage = "explore"\n', "gate 'a' already"),
        ('[hold]\nflow_rates = { CuI = "100 uL/min" }\n', "is a reagent, and reagents stop"),
        ('[hold]\nlongest = "-1 s"\n', "at least 0 s"),
    ],
)
def test_gates_and_holds_are_checked(tmp_path: Path, more: str, says: str) -> None:
    """What they name is there, what they need is said, and nothing that is not theirs."""
    profile = tmp_path / "held.toml"
    profile.write_text(PROFILE + more, encoding="utf-8")
    with pytest.raises(InputError, match=says):
        load_profile(profile, Plugins.discover())


ATTENDED = """\
import sys
from flowrig.operator.requests import OperatorRequests
from flowrig.run.options import RunOptions
from flowrig.run.start import start_run

requests = OperatorRequests()
requests.attended = True
options = RunOptions(folder=sys.argv[2], simulate=True, requests=requests)
print(start_run(sys.argv[1], options).state)
"""


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[[str], "subprocess.Popen[str]"]]:
    """Starts a run in a process of its own, with somebody beside it."""
    processes: list[subprocess.Popen[str]] = []

    def start(more: str) -> "subprocess.Popen[str]":
        profile = tmp_path / "held.toml"
        profile.write_text(PROFILE + more, encoding="utf-8")
        words = [sys.executable, "-c", ATTENDED, profile, tmp_path / "run"]
        processes.append(subprocess.Popen(words, stdout=subprocess.PIPE, text=True))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_a_run_on_hold_goes_on_by_a_word_from_another_shell(
    flowrig: Any, started: Any, tmp_path: Path
) -> None:
    """Status says what it waits for and how to go on; the same process finishes the run."""
    process, folder = started(SMALL), tmp_path / "run"

    def status() -> dict[str, Any]:
        told: dict[str, Any] = json.loads(flowrig("status", folder, "--json").stdout)
        return told

    while not (folder / CONTROL_NAME).exists():
        assert process.poll() is None
        time.sleep(0.02)
    while status()["state"] != "on hold":
        assert process.poll() is None
    lines = flowrig("status", folder).stdout
    assert "on hold: refill CuI" in lines
    assert f"to go on: flowrig go-on {folder} --refilled CuI" in lines
    assert "say --refilled CuI" in flowrig("go-on", folder, code=2).stderr
    said = flowrig("go-on", folder, "--refilled", "CuI").stdout
    assert "You confirm that the syringe of CuI is full." in said
    out, _ = process.communicate(timeout=200)
    assert out.strip() == "finished"
