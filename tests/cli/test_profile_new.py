"""`flowrig profile new` writes a sound profile that can be simulated, whatever is answered."""

import itertools
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from flowrig.cli.instruments.profile import _asked
from flowrig.cli.instruments.starter import QUESTIONS, Answers, is_asked
from flowrig.cli.instruments.starter_text import starter_profile
from flowrig.errors import InputError
from flowrig.plugins.registry import Plugins
from flowrig.profile import load_profile_text
from flowrig.run.preflight import simulation_outlook
from flowrig.run_record.reader import RunRecord

SHAPES = tuple(itertools.product(("A", "A, B, C"), ("-", "S"), ("-", "Oil"), ("-", "60..120 degC")))
"""Reagents, solvents, carrier and temperature."""


@cache
def installed() -> Plugins:
    return Plugins.discover()


def written(**given: str) -> str:
    return starter_profile(Answers.of(given, installed()))


@pytest.mark.parametrize(("reagents", "solvents", "carrier", "temperature"), SHAPES)
def test_any_rig_is_sound_and_can_be_simulated(
    reagents: str, solvents: str, carrier: str, temperature: str
) -> None:
    """With and without solvent, carrier and heater; absorbance needs something transparent."""
    given = {"reagents": reagents, "solvents": solvents, "carrier": carrier}
    given |= {"temperature": temperature, "experiments": "9"}
    if (solvents, carrier) == ("-", "-"):
        with pytest.raises(InputError, match="needs a solvent or a carrier"):
            written(**given)
        given["absorbance"] = "-"
    profile = load_profile_text(written(**given), "mine.toml", installed())
    outlook = simulation_outlook(profile)
    assert outlook.works
    assert outlook.invented
    assert profile.campaign is not None
    assert profile.campaign.experiments == 9


@pytest.mark.parametrize("shutter", ["yes", "no"])
def test_one_spectrometer_is_enough(shutter: str) -> None:
    """Emission alone; without a shutter no dark is asked for."""
    text = written(absorbance="-", shutter=shutter)
    profile = load_profile_text(text, "mine.toml", installed())
    assert [*profile.analysis.channels] == ["emission"]
    assert profile.calibration is None
    assert simulation_outlook(profile).works


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"reagents": "-"}, "at least one stream"),
        ({"reagents": "A, A b"}, "'A b' is no name"),
        ({"reagents": "A", "solvents": "A"}, "same name"),
        ({"flow_rate": "20 uL/min"}, r'such as "20\.\.200 uL/min"'),
        ({"flow_rate": "20..200 mL"}, "a flow rate"),
        ({"flow_rate": "200..20 uL/min"}, "lower end comes first"),
        ({"syringe": "50 mL"}, "two quantities"),
        ({"experiments": "many"}, "a number"),
        ({"shutter": "perhaps"}, "yes or no"),
        ({"absorbance": "-", "emission": "-"}, "measures nothing"),
        ({"shutter": "no"}, "light that can be shut"),
        ({"pump": "watlow-f4t"}, "chemyx-fusion"),
    ],
)
def test_answers_without_sense_are_refused(given: dict[str, str], said: str) -> None:
    """The message begins with the option, and shows what is expected."""
    with pytest.raises(InputError, match=said):
        written(**given)


def test_a_title_is_a_text_whatever_is_in_it() -> None:
    """Quotation marks and backslashes do not end the text."""
    title = 'A "hot" one \\ or not'
    assert load_profile_text(written(title=title), "mine.toml", installed()).title == title


def test_from_nothing_to_a_simulated_campaign(flowrig: Any, tmp_path: Path) -> None:
    """Written, run and reported; everybody is told that the numbers are invented."""
    answers = ["--solvents", "-", "--absorbance", "-", "--experiments", "2", "--defaults"]
    flowrig("profile", "new", "mine", *answers, "--into", tmp_path)
    assert (
        "nothing was written"
        in flowrig("profile", "new", "mine", *answers, "--into", tmp_path, code=2).stderr
    )
    file = tmp_path / "mine.toml"
    done = flowrig("run", file, "--simulate", "--out", tmp_path / "run")
    assert "'stand-in' is invented" in done.stdout
    assert "invented numbers" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    with RunRecord(tmp_path / "run") as record:
        assert record.start.data.chemistry == "stand-in"
        assert record.start.data.invented
        assert all(one.objective and one.objective > 0 for one in record.experiments())


def test_every_question_is_an_option(flowrig: Any) -> None:
    """What can be asked can be said, too."""
    told = flowrig("profile", "new", "--help").stdout
    assert all(f"--{one.key.replace('_', '-')}" in told for one in QUESTIONS)


def test_an_answer_without_sense_is_asked_for_again() -> None:
    """At once, and not after the last question."""
    question = next(one for one in QUESTIONS if one.key == "syringe")
    with CliRunner().isolation(input="10 mL\n10 mL, 14.5 mm\n") as (out, *_):
        assert _asked(question, installed()) == "10 mL, 14.5 mm"
    assert "syringe: got '10 mL'; expected two quantities" in out.getvalue().decode()


def test_the_driver_of_a_heater_is_asked_for_where_there_is_one() -> None:
    assert not is_asked("heater", {})
    assert not is_asked("heater", {"temperature": "-"})
    assert is_asked("heater", {"temperature": "60..120 degC"})
    assert all(is_asked(one.key, {}) for one in QUESTIONS if one.key != "heater")


def test_of_a_solvent_nothing_is_said_about_reagents() -> None:
    lines = written(reagents="A", solvents="S").splitlines()
    assert 'role = "reagent" # never flushes' in lines
    assert 'role = "solvent"' in lines
