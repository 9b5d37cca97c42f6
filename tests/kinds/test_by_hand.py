"""Devices that a person works and reads."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from click.testing import CliRunner
from watched_rig import QUICK, WORLD, plugins_with, run_watched

from flowrig.cli import main
from flowrig.cli.runs.control import _lines_under_way
from flowrig.cli.runs.run_keys import Dialog
from flowrig.errors import InputError
from flowrig.journal.events import (
    EventData,
    HandAsked,
    HandDone,
    HoldBegun,
    Intent,
    Measured,
    SafeStateSought,
    WentOn,
)
from flowrig.journal.journal import FILE_NAME, AnyEvent, Journal
from flowrig.operator.hold import Hold, HoldKind
from flowrig.operator.requests import OperatorRequests, Request
from flowrig.planning.plan import plan_campaign
from flowrig.plugins.registry import Plugins
from flowrig.profile import check_profile, load_profile
from flowrig.rig.simulated import EmulatedRig, emulated
from flowrig.run.options import ResumeOptions
from flowrig.run.start import resume_run
from flowrig.run_record.status import RunStatus

DEVICES = """
[settings]
selector = "fill"

[devices.selector]
driver = "by-hand-valve"
positions = { run = 1, fill = 2 }
safe = "any"

[devices.stirrer]
driver = "by-hand-stirrer"
limits = [0, 1500]
safe = "any"

[devices.balance]
driver = "by-hand-sensor"
reads = { weight = "g", temperature = "degC" }

[path.mixer]
stirrer = "stirrer"

[path.waste]
devices = ["selector", "balance"]

[[space]]
name = "speed"
is = "stirrer"
range = ["200 rpm", "800 rpm"]
step = "300 rpm"
"""

RIG = QUICK.format(experiments=2) + DEVICES + WORLD


class Person:
    """Sits beside a run, and answers what it asks for.

    Attributes:
        requests: of the run.
        asked: the question of each hold.
    """

    def __init__(self, answers: int = 99, **readings: float) -> None:
        self.requests = OperatorRequests()
        self.asked: list[Hold] = []
        self._answers = answers
        self._readings = {f"balance.{name}": value for name, value in readings.items()}

    def __call__(self, event: AnyEvent) -> None:
        hold = self.requests.hold
        if event.kind != "reading" or hold is None or self.requests.answer is not None:
            return
        if self._answers:
            self._answers -= 1
            self.asked.append(hold)
            readings = {name: self._readings[name] for name in hold.reads}
            self.requests.ask(Request.GO_ON, readings=readings)

    @property
    def options(self) -> dict[str, Any]:
        """Options of a run beside which the person sits."""
        return {"requests": self.requests, "listeners": [self], "simulator": with_handles}


@contextmanager
def with_handles(*arguments: Any, **options: Any) -> Iterator[EmulatedRig]:
    """An emulated rig whose devices by hand are real."""
    with emulated(*arguments, **options) as rig:
        devices = {
            name: evolve(one, emulated=False, settings=evolve(one.settings, address=""))
            if one.by_hand
            else one
            for name, one in rig.profile.devices.items()
        }
        yield evolve(rig, profile=evolve(rig.profile, devices=devices))


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    """What is installed, and the watched world."""
    return plugins_with()


def run(folder: Path, plugins: Plugins, text: str = RIG, **options: Any) -> Any:
    """A run on the rig."""
    (folder / "rig.toml").write_text(text, encoding="utf-8")
    return run_watched(folder / "rig.toml", folder / "run", plugins, **options)


def events(folder: Path, *kinds: type[EventData]) -> list[Any]:
    """What a journal holds of some kinds."""
    with Journal(folder / "run" / FILE_NAME, read_only=True) as journal:
        return [event.data for event in journal.events(*kinds)]


def test_a_simulated_person_answers_at_once(tmp_path: Path, plugins: Plugins) -> None:
    """Each question stands in the journal with its answer; the devices are worked and read."""
    outcome, world, _ = run(tmp_path, plugins)
    assert outcome.state == "finished", outcome.reason
    _assert_status_shows_them(tmp_path, plugins)
    speeds = [one.conditions["speed"] for one in events(tmp_path, Measured)]
    asked = [one.asks for one in events(tmp_path, HandAsked)]
    assert asked[0] == "by hand: selector is at 'fill' (position 2)"
    assert f"by hand: stirrer is at {speeds[0]:g} rpm" in asked
    read = "read by hand: balance.weight [g], balance.temperature [degC]"
    assert asked.count(read) == len(speeds) == 2
    assert {one.by for one in events(tmp_path, HandDone)} == {"simulation"}
    assert not events(tmp_path, HoldBegun)
    for measured in events(tmp_path, Measured):
        assert measured.readings["balance.weight"] == 1.0
        assert 15.0 < measured.readings["balance.temperature"] < 35.0
    assert world.body("selector").number == 2
    assert world.body("stirrer").told == speeds[-1]
    (sought,) = events(tmp_path, SafeStateSought)
    assert sought.reached
    assert not any("selector" in one.step or "stirrer" in one.step for one in sought.steps)


def _assert_status_shows_them(folder: Path, plugins: Plugins) -> None:
    """`flowrig status` knows what a person has confirmed and read."""
    status = RunStatus.of(load_profile(folder / "rig.toml", plugins))
    with Journal(folder / "run" / FILE_NAME, read_only=True) as journal:
        for event in journal.events():
            status(event)
    told = json.loads(json.dumps(status.as_json()))
    speed = told["by_hand"]["devices"]["stirrer"]
    assert told["by_hand"]["devices"] == {"selector": "fill", "stirrer": speed}
    assert told["by_hand"]["readings"]["balance.weight"] == 1.0
    lines = list(_lines_under_way(folder, told))
    assert {"selector: fill, by hand", f"stirrer: {speed:g} rpm, by hand"} <= {*lines}
    assert "balance.weight: 1 g, read by hand" in lines


def test_a_person_works_and_reads(tmp_path: Path, plugins: Plugins) -> None:
    """Nothing flows where a person works; who said what is journalled, then the driver is told."""
    person = Person(weight=12.5, temperature=21.0)
    outcome, _, _ = run(tmp_path, plugins, **person.options)
    assert outcome.state == "finished", outcome.reason
    assert all(not one.flows for one in events(tmp_path, HoldBegun) if one.works)
    done = events(tmp_path, HandDone)
    assert {one.by for one in done} == {"program"}
    assert [one.readings for one in done if one.readings] == [
        {"balance.weight": 12.5, "balance.temperature": 21.0}
    ] * 2
    assert [m.readings["balance.weight"] for m in events(tmp_path, Measured)] == [12.5, 12.5]
    order = events(tmp_path, HandAsked, HoldBegun, WentOn, HandDone, Intent)
    first = next(n for n, one in enumerate(order) if isinstance(one, HandAsked))
    kinds = [type(one) for one in order[first : first + 5]]
    assert kinds == [HandAsked, HoldBegun, WentOn, HandDone, Intent]
    assert order[first + 4].positions == {"selector": "fill"}


def test_without_an_answer_the_run_holds_and_asks_again(tmp_path: Path, plugins: Plugins) -> None:
    """It goes to its safe state; a resumed run, as one that was killed, asks for everything."""
    person = Person(answers=1)
    outcome, _, _ = run(tmp_path, plugins, **person.options)
    assert outcome.state == "held"
    assert "by hand: stirrer is at" in outcome.reason
    (sought,) = events(tmp_path, SafeStateSought)
    assert sought.reached
    again = Person(weight=1.0, temperature=20.0)
    options = ResumeOptions(plugins=plugins, **again.options)
    outcome = resume_run(tmp_path / "run", options)
    assert outcome.state == "finished", outcome.reason
    assert again.asked[0].works[0] == "selector is at 'fill' (position 2)"


def test_a_reading_that_is_not_asked_for_is_refused() -> None:
    """Neither an unknown name, nor a number that is none, nor an answer without the number."""
    requests = OperatorRequests()
    hold = Hold(kind=HoldKind.NEED, text="read by hand: balance.weight [g]",
                reads=("balance.weight",))  # fmt: skip
    with pytest.raises(InputError, match="not on hold"):
        requests.ask(Request.GO_ON, readings={"balance.weight": 1.0})
    with requests.holding(hold):
        for readings, said in (
            ({}, "say --reading balance.weight=NUMBER"),
            ({"balance.wait": 1.0}, "does not ask for 'balance.wait'; it asks for balance.weight"),
            ({"balance.weight": float("nan")}, "expected a number, got nan"),
        ):
            with pytest.raises(InputError, match=re.escape(said)):
                requests.ask(Request.GO_ON, readings=readings)
        requests.ask(Request.GO_ON, readings={"balance.weight": -1.5})
        assert requests.answer is not None
        assert requests.answer.readings == {"balance.weight": -1.5}


def test_numbers_are_typed_where_the_run_is() -> None:
    """After g and y each number is typed; a slip is told, a key too many can be taken back."""
    said: list[str] = []
    requests = OperatorRequests()
    hold = Hold(kind=HoldKind.NEED, text="read", reads=("balance.weight", "balance.ph"))
    with requests.holding(hold):
        dialog = Dialog(requests, said.append)
        for key in "gy\rgy12,5\r12.57\x7f\rx7\r7\r":
            dialog.press(key)
        assert requests.answer is not None
        assert requests.answer.readings == {"balance.weight": 12.5, "balance.ph": 7.0}
    assert "balance.weight: '12,5' is no number; once more, then Enter" in said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("fill = 2 }\nsafe = \"any\"", "fill = 2 }"), "cannot wait for a person"),
        (("fill = 2 }\nsafe = \"any\"", "fill = 2 }\nsafe = \"run\""), "cannot wait for a person"),
        (("limits = [0, 1500]\nsafe = \"any\"", "limits = [0, 1500]"), "cannot wait for a person"),
        (("reads = {", "address = \"COM3\"\nreads = {"), "leave the `address` out"),
        (("limits = [0, 1500]", "limits = [1500, 0]"), "begin with the lowest"),
        (("limits = [0, 1500]", "limits = [0, 1500]\nunit = \"rpm\""), "unknown key 'unit'"),
        (("\"800 rpm\"]", "\"1800 rpm\"]"), 'a range within ["0 rpm", "1500 rpm"]'),
        (
            ("[[space]]", "[[interlocks]]\nreading = \"balance.weight\"\nabove=\"9 g\"\n[[space]]"),
            "a person reads 'balance.weight' once an experiment",
        ),
        (
            ("[[space]]", "[streams.PFO]\npump = \"needle\"\n"
             "[devices.needle]\ndriver = \"by-hand-flow-controller\"\nlimits = [0, 2]\n"
             "unit = \"mL/min\"\nsafe = \"any\"\n[[space]]"),
            "'needle' is worked by hand, and the safe state stops 'PFO'",
        ),
        (
            ("[[space]]", "[[safe_state]]\ndo = \"safe\"\ndevices = [\"selector\"]\n[[space]]"),
            "unknown device 'selector'",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(
    tmp_path: Path, plugins: Plugins, change: tuple[str, str], said: str
) -> None:
    """A safe value that a person would have to bring about, and other entries that cannot hold."""
    path = tmp_path / "rig.toml"
    assert change[0] in RIG
    path.write_text(RIG.replace(*change, 1), encoding="utf-8")
    problems = check_profile(path, plugins)
    assert [one for one in problems if said in str(one)], problems


def test_check_and_plan_name_the_person(tmp_path: Path, plugins: Plugins) -> None:
    """How often a person is asked, and what the safe state leaves."""
    path = tmp_path / "rig.toml"
    path.write_text(RIG.replace("watched", "fluidic"), encoding="utf-8")
    plan = plan_campaign(load_profile(path, plugins))
    asks = [one.asks for one in plan.questions]
    assert asks.count("read balance.weight, balance.temperature") == 2
    assert asks[0].startswith("work selector")
    done = CliRunner().invoke(main, ["check", str(path)])
    said = " ".join(done.output.split())
    assert "selector: fill in every experiment; a person works it" in said
    assert "stirrer: as speed says; a person works it, and the safe state leaves it" in said
    assert "balance.weight: a person reads it once an experiment" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["emulate", "by-hand-valve"], "no installed driver 'by-hand-valve' ships an emulator"),
        (["plugin", "check", "by-hand-valve"], "no conformance suite exists"),
        (["go-on", ".", "--reading", "balance"], "expected NAME=NUMBER"),
        (["go-on", ".", "--reading", "balance.weight=heavy"], "expected NAME=NUMBER"),
    ],
)
def test_commands_that_make_no_sense_are_refused(words: list[str], said: str) -> None:
    """Nothing can be emulated or checked where nothing is connected."""
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 2
    assert said in done.output
