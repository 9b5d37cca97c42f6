"""What the command line prints: nothing cut off, nothing too wide, units where numbers are."""

import json

import pytest
from click.testing import CliRunner

from flowrig.cli import main
from flowrig.cli.terminal.experiment_table import ExperimentTable, conditions_text
from flowrig.cli.terminal.printing import print_entries, print_json
from flowrig.journal.events import Objective
from flowrig.plugins import Offer

COLUMNS = 80
UNITS = {"temperature": "°C", "CuI": "µL/min"}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """Calls the command line as in a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", str(COLUMNS))
    return CliRunner()


@pytest.mark.parametrize(
    "words", ["", "plugin new", "plugin check", *main.commands], ids=lambda words: words or "main"
)
def test_help_fits_and_is_whole(run: CliRunner, words: str) -> None:
    """No line of a help text is too wide, and no summary of a command is cut."""
    usage, *lines = run.invoke(main, [*words.split(), "--help"]).output.splitlines()
    assert usage.startswith("Usage:")
    assert max(map(len, lines)) <= COLUMNS
    assert not [line for line in lines if line.endswith("...")]


@pytest.mark.parametrize(
    "command",
    ["check", "demo", "discover", "report", "resume", "run", "plugin new", "plugin check"],
)
def test_help_has_examples(run: CliRunner, command: str) -> None:
    """Help that takes an argument shows one."""
    assert f"  flowrig {command} " in run.invoke(main, [*command.split(), "--help"]).output


def test_what_to_install_is_shown_whole(run: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    """A narrow terminal does not cut a command that a person will copy."""
    monkeypatch.setattr(Offer, "missing", lambda self: self.needs)
    listed = run.invoke(main, ["plugins"]).output
    assert "needs: pip install 'flowrig[watlow]'\n" in listed
    assert max(map(len, listed.splitlines())) <= COLUMNS


def test_a_profile_can_be_checked_without_the_packages_that_run_it(
    run: CliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is valid, and the message names what to install first."""
    monkeypatch.setattr(Offer, "missing", lambda self: self.needs)
    done = run.invoke(main, ["check", "cs3cu2i5-heatup-chem3"])
    assert done.exit_code == 0
    assert "pip install 'flowrig[bayes,chemyx,gp,ocean,watlow]'" in done.output


def test_details_are_never_wrapped(run: CliRunner, capsys: pytest.CaptureFixture[str]) -> None:
    """A sentence is wrapped beside its name; a path stays in one piece."""
    path = "/" + "a" * 200
    print_entries([("name", "word " * 30, path), ("other", "", path)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("name   word")
    assert lines[1].startswith("       word")
    assert lines[-2:] == [f"       {path}", f"other  {path}"]


def test_json_keeps_its_letters(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """Units can be read in it, and it is UTF-8 everywhere."""
    print_json({"unit": "µL/min"})
    printed = capsysbinary.readouterr().out
    assert "µL/min".encode() in printed
    assert json.loads(printed) == {"unit": "µL/min"}


@pytest.mark.parametrize(
    ("objective", "value", "cell"),
    [
        (Objective(name="PLQY proxy", unit=""), 0.2204, "22.0%"),
        (Objective(name="PL area", unit="counts·nm"), 265059.5, "2.651e+05"),
        (Objective(name="PL area", unit="counts·nm"), None, "-"),
    ],
)
def test_experiments_stand_in_columns_under_their_units(
    objective: Objective, value: float | None, cell: str
) -> None:
    """Every cell ends where its name and its unit end."""
    table = ExperimentTable("explore", 76, UNITS, objective)
    names, units = table.head().splitlines()
    row = table.row(3, {"temperature": 151.08, "CuI": 102.4}, value, ["best"], planned=76)
    assert row.endswith(f"{cell}  best")
    for text, unit, number in (("temperature", "°C", "151.1"), ("CuI", "µL/min", "102.4")):
        end = names.index(text) + len(text)
        assert units[:end].endswith(unit)
        assert row[:end].endswith(number)


def test_the_reference_campaign_fits_a_terminal() -> None:
    """Five conditions and the objective need no more than 80 columns."""
    rates = dict.fromkeys(("CuI", "ZnI2", "CsOA", "ODE"), "µL/min")
    table = ExperimentTable(
        "explore", 76, {"temperature": "°C", **rates}, Objective(name="PLQY proxy", unit="")
    )
    row = table.row(
        76, {"temperature": 153.12, **dict.fromkeys(rates, 102.44)}, 0.2, ["best"], planned=76
    )
    assert len(row) <= COLUMNS


def test_references_that_were_added_count_in_each_line() -> None:
    """The head of a stage is written once, and the campaign grows behind it."""
    table = ExperimentTable("climb", 16, UNITS, Objective(name="PLQY proxy", unit=""))
    row = table.row(17, {"temperature": 151.08, "CuI": 102.4}, 0.2, planned=18)
    assert row.split()[0] == "17/18"


def test_a_large_flow_rate_has_no_exponent() -> None:
    """21.46 mL/min in the unit of the search space."""
    assert conditions_text({"CuI": 21460.3}, UNITS) == "CuI 21460 µL/min"


def test_conditions_in_one_line_have_their_units() -> None:
    """As the panel shows the condition that runs."""
    assert conditions_text({"temperature": 151.08, "CuI": 102.4}, UNITS) == (
        "temperature 151.1 °C, CuI 102.4 µL/min"
    )
