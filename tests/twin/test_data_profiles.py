"""A profile without devices: data that are there, checked, learnt from, and never run."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from flowrig.cli import main
from flowrig.plugins.registry import Plugins
from flowrig.profile import DataProfile, ProfileError, check_profile, load_profile, read_profile
from flowrig.run_record.experiments_of import read_data

DATA = """
title = "Records"

[space]
temperature = { range = ["200 degC", "300 degC"] }
cadmium = { range = ["1 mmol/L", "0.05 mol/L"] }
amine = { choices = ["oleylamine", "octylamine"] }

[analysis.channels.table]
use = "off-line"
gives = { peak = "nm", plqy = { unit = "%", range = ["0 %", "100 %"] } }

[features]
plqy = "table.plqy"

[objective]
name = "maximum"
response = "plqy"

[campaign]
surrogate = { name = "gp" }

[[campaign.prior]]
source = "records.csv"
columns = { temperature = "T / degC", "table.plqy" = "PLQY" }
"""

HEAD = ("T / degC", "cadmium_mmol/L", "amine", "PLQY")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A profile beside its table of 30 rows, one without a result, one with an impossible one."""
    rng = np.random.default_rng(1)
    with (tmp_path / "records.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(HEAD)
        for number in range(30):
            temperature_c, cadmium = rng.uniform(200.0, 300.0), rng.uniform(1.0, 50.0)
            amine = ("oleylamine", "octylamine")[number % 2]
            plqy = {3: "", 4: 140.0}.get(number, 0.2 * temperature_c - 0.1 * cadmium)
            table.writerow([temperature_c, cadmium, amine, plqy])
    (tmp_path / "records.toml").write_text(DATA, encoding="utf-8")
    return tmp_path / "records.toml"


def flowrig(*words: Any) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def test_it_is_checked_with_its_tables(data: Path) -> None:
    """Conditions stay in the units of their ranges; what a check cannot read it refuses."""
    loaded = read_profile(data, Plugins.discover()).load_any()
    assert isinstance(loaded, DataProfile)
    parameters = [(one.name, one.low, one.high, one.unit) for one in loaded.space.parameters]
    assert parameters[:2] == [("temperature", 200, 300, "°C"), ("cadmium", 1, 50, "mmol/L")]
    found = read_data(loaded)
    assert (found.X.shape, found.Y.shape, found.left_out) == ((28, 3), (28, 1), 2)
    done = flowrig("check", data)
    assert done.exit_code == 0, done.output
    assert "28 experiments, 2 rows left out" in done.output
    assert json.loads(flowrig("check", data, "--json").output)["experiments"] == 28
    (data.parent / "records.csv").unlink()
    done = flowrig("check", data)
    assert done.exit_code == 2
    assert "records.csv cannot be read" in done.output


def test_what_needs_a_rig_refuses_it(data: Path) -> None:
    """With the reason; nothing is opened, and no folder is made."""
    plugins = Plugins.discover()
    with pytest.raises(ProfileError, match="it describes data, and no rig"):
        load_profile(data, plugins)
    for command in (("run", data, "--simulate"), ("plan", data)):
        done = flowrig(*command)
        assert done.exit_code == 2
        assert "it describes data, and no rig" in done.output
    assert "no rig" in flowrig("check", data, "--connect").output


@pytest.mark.slow
@pytest.mark.parametrize("alone", [True, False])
def test_a_twin_learns_from_it(data: Path, *, alone: bool) -> None:
    """From the profile alone, or with a table whose columns the command names."""
    table = data.parent / "records.csv"
    named = ("--profile", data, "--response", "plqy=PLQY", "--response", "temperature=T / degC")
    words = (data,) if alone else (table, *named)
    done = flowrig("twin", "cv", *words, "--repeats", 1, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["experiments"], told["left_out"]) == (28, 2)
    assert told["responses"]["plqy"]["r2"] > 0.9


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"table.plqy"\n', '"table.plq"\n', "did you mean 'table.plqy'"),
        ('response = "plqy"', 'response = "plqi"', "'plqi', which is no feature"),
        ('"0.05 mol/L"', '"5 s"', "in one kind of unit"),
        ('"200 degC"', '"200 degreees"', "expected a number, or a quantity"),
        ('["200 degC", "300 degC"]', '["300 degC", "200 degC"]', "is not below"),
        ('gives = {', 'device = "hdx"\ngives = {', "unknown key 'device'"),
        ('gives = {', 'within = "2 d"\ngives = {', "'within' says nothing of data"),
        ('[features]', '[analysis.channels.x]\nuse = "emission"\n[features]', "nothing measures"),
        ('[campaign]\n', '[campaign]\nstages = []\n', "unknown key 'stages'"),
        ('columns = {', 'columns = { peak = "x", ', "unknown key 'peak'"),
        ('title = ', 'titel = ', "unknown key 'titel'"),
        ('name = "gp"', 'name = "gq"', "no plugin offers the surrogate 'gq'"),
        ('"octylamine"]', '3]', "expected an array of names"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_place(data: Path, old: str, new: str, said: str) -> None:
    assert DATA.count(old) >= 1
    data.write_text(DATA.replace(old, new, 1), encoding="utf-8")
    problems = check_profile(data, Plugins.discover())
    assert [one for one in problems if said in str(one) and one.place.line > 0] or (
        "titel" in said and problems
    )
