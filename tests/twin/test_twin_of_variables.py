"""Twins of rigs whose variables are ratios, times and categories, in the place of a chemistry."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from other_devices import DEVICES, plugins_with_kit
from watched_rig import QUICK

from flowrig.cli import main
from flowrig.clock import VirtualClock
from flowrig.errors import InputError
from flowrig.learning.experiment_table import column_of
from flowrig.learning.model_file import read_notes
from flowrig.plugins.registry import Plugins
from flowrig.problem.designs import uniform
from flowrig.profile import Profile, load_profile, load_profile_text
from flowrig.run_record.reader import RunRecord
from flowrig_sim.chemistry.twin_conditions import ConditionsOfParcels
from flowrig_sim.fluid_state import FluidState
from flowrig_sim.settings import FluidicSettings
from flowrig_sim.world import FluidicWorld

pytestmark = pytest.mark.xdist_group("twin of variables")  # what they share is made once

VARIABLES = """extends = "cs3cu2i5-heatup-chem3"
unset = ["space", "dependent_flows", "campaign"]

[settings]
PFO = "0.5 * (CuI + ZnI2 + CsOA + ODE)"
ZnI2 = "100 uL/min"

[limits]
"CsOA / CuI" = [0.1, 0.8]

[space]
temperature = { is = "plate", range = ["150 degC", "180 degC"] }
reaction_time = { is = "reaction.time", range = ["40 s", "60 s"] }
x_cu = { is = "CuI / (total - PFO)", range = [0.14, 0.24] }
[space.caesium.choices]
little = { CsOA = "20 uL/min" }
some = { "CsOA / CuI" = 0.4 }
much = { CsOA = "70 uL/min" }

[sections.reaction]
start = "reactor"
end = "cooling"

[campaign]
surrogate = "gp"
[[campaign.stages]]
name = "spread"
optimizer = "lhs"
experiments = 2
batch = 2
"""
VALVE = (
    QUICK.format(experiments=2)
    + DEVICES.replace('[settings]\nselector = "fill"\n', "").replace('world = "watched"', "")
    + '[[space]]\nname = "way"\nis = "selector"\nchoices = ["run", "off", "fill"]\n'
)
JOINED = (
    VARIABLES.replace('ZnI2 = "100 uL/min"', '"ZnI2 / CuI" = 1.1')
    .replace('little = { CsOA = "20 uL/min" }', 'little = { "CsOA / CuI" = 0.2 }')
    .replace('much = { CsOA = "70 uL/min" }', 'much = { "CsOA / CuI" = 0.6 }')
    .replace('start = "reactor"\nend = "cooling"', 'start = "mixer"\nend = "cell_pl"')
    .replace('"40 s", "60 s"', '"1.9 min", "2.5 min"')
)
"""Streams join on the way whose time is a variable."""
TURNING = (
    VARIABLES.replace('start = "reactor"\nend = "cooling"', 'start = "segmentation"\nend = "join"')
    .replace('"40 s", "60 s"', '"25 s", "60 s"')
    .replace("[space]", '[space]\nway = { is = "switch", choices = ["short", "long"] }')
    .replace(
        "[limits]",
        """[devices.switch]
driver = "vici"
address = "COM9"
safe = "short"
positions = { short = 1, long = 2 }

[path]
segmentation = { to = "fork" }
reactor = { to = "join" }
coil = { kind = "reactor", volume = "300 uL", heater = "plate", to = "join" }
join = { kind = "junction", volume = "0 uL", to = "cooling" }
fork = { kind = "valve", valve = "switch", to = { short = "coil", long = "reactor" } }

[limits]""",
    )
)
"""A valve leads through the long or the short coil, and the time in them is a variable."""
SHIPPED = (
    "cs3cu2i5-heatup-chem3",
    "cs3cu2i5-hot-injection",
    "cspbbr3-larp",
    "artificial-chemist",
    "maria-kriging",
    "ligand-grid",
    "two-stage-core-shell",
)


def rig_of(name: str) -> Profile:
    """A shipped rig, or one of the texts above."""
    texts = {"variables": VARIABLES, "joined": JOINED, "turning": TURNING}
    if name in texts:
        return load_profile_text(texts[name], f"{name}.toml", Plugins.discover())
    if name == "valve":
        return load_profile_text(VALVE, "valve.toml", plugins_with_kit())
    return load_profile(name, Plugins.discover())


def drawn(rig: Profile, count: int, seed: int) -> list[dict[str, object]]:
    """Random conditions inside the space."""
    points = uniform(rig.space, count, np.random.default_rng(seed))
    return rig.space.rows(rig.space.from_unit(points))


@pytest.mark.parametrize("name", [*SHIPPED, *("variables", "joined", "turning", "valve")])
def test_conditions_are_read_from_the_liquid(name: str) -> None:
    """From a parcel at steady state come the conditions under which it was made."""
    rig = rig_of(name)
    fluid, read = FluidState(rig, rig.simulation.settings, 1, None, 0.0), ConditionsOfParcels(rig)
    for wanted in drawn(rig, 8, 3):
        parcel = fluid.steady_parcel(wanted)
        assert parcel is not None
        found = read.conditions(parcel)
        assert found is not None
        for one, value in wanted.items():
            assert found[one] == (value if isinstance(value, str) else pytest.approx(value))


def test_an_invented_chemistry_sees_where_a_valve_stands() -> None:
    """A category of positions changes the product, and a valve that turns is seen at once."""
    rig = load_profile_text(VALVE.replace('"chem3"', '"stand-in"'), "v.toml", plugins_with_kit())
    world = FluidicWorld(rig, rig.simulation.settings, VirtualClock(), 1)
    row = drawn(rig, 1, 2)[0]
    made = [world.truth({**row, "way": way}) for way in ("run", "off", "fill")]
    assert len(set(made)) == 3
    fluid = world._fluid
    assert fluid.device_values() == {"selector": "run"}
    world.body("selector").turn(10)
    assert fluid.device_values() == {"selector": "off"}


def trained(rig: Profile, text: str, folder: Path) -> Path:
    """A Gaussian process of what the chemistry of a rig makes, as the command keeps it."""
    world = FluidicWorld(rig, rig.simulation.settings, VirtualClock(), 1)
    head = [*(column_of(one) for one in rig.space.parameters), *rig.objective.responses]
    lines = [",".join(head)]
    for row in drawn(rig, 40, 1):
        made = dict(zip(("a300", "pla"), world.truth(row), strict=True))
        lines.append(
            ",".join(map(str, [*row.values(), *(made[n] for n in rig.objective.responses)]))
        )
    (folder / "table.csv").write_text("\n".join(lines), encoding="utf-8")
    profile = folder / f"{rig.name}.toml"
    profile.write_text(text, encoding="utf-8")
    words = ["twin", "train", folder / "table.csv", "--profile", profile, "--surrogate", "gp"]
    done = CliRunner().invoke(main, [*map(str, words), "--out", str(folder / "twin.npz")])
    assert done.exit_code == 0, done.output
    return folder / "twin.npz"


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A twin of the rig with ratios, a time and a category; its table is beside it."""
    return trained(rig_of("variables"), VARIABLES, tmp_path_factory.mktemp("twin"))


@pytest.mark.slow
def test_the_rig_yields_what_the_twin_learnt(twin: Path) -> None:
    """Under conditions that the twin has not seen, the simulated rig is as with the chemistry."""
    assert_it_yields_what_it_learnt(rig_of("variables"), twin)


@pytest.mark.slow
def test_a_rig_without_absorbance_yields_what_its_twin_learnt(tmp_path: Path) -> None:
    """The same with two categories of streams, and the area of an emission alone."""
    text = 'extends = "ligand-grid"\n'
    rig = load_profile_text(text, "ligands.toml", Plugins.discover())
    assert_it_yields_what_it_learnt(rig, trained(rig, text, tmp_path))


def assert_it_yields_what_it_learnt(rig: Profile, file: Path) -> None:
    """The same features as with the chemistry."""
    settings = FluidicSettings(twin=file, excitation_nm=rig.simulation.settings.excitation_nm)
    of_twin = FluidicWorld(rig, settings, VirtualClock(), 1)
    world = FluidicWorld(rig, rig.simulation.settings, VirtualClock(), 1)
    rows = drawn(rig, 20, 2)
    truth, found = (np.array([one.truth(row) for row in rows]) for one in (world, of_twin))
    for wanted, seen in zip(truth.T, found.T, strict=True):
        if np.isfinite(wanted).all():
            assert np.corrcoef(wanted, seen)[0, 1] > 0.9
            assert seen.mean() == pytest.approx(wanted.mean(), rel=0.1)


def test_a_twin_of_other_choices_is_refused(twin: Path) -> None:
    """The same numbers with other names of choices are another search space."""
    other = load_profile_text(VARIABLES.replace("much =", "more ="), "o.toml", Plugins.discover())
    with pytest.raises(InputError, match="another search space"):
        FluidState(other, FluidicSettings(twin=twin), 1, None, 0.0)
    assert read_notes(twin)["invented"] is False


@pytest.mark.slow
def test_what_a_twin_cannot_show_is_told(twin: Path, tmp_path: Path) -> None:
    """A response that no spectrum can have is named, with what can be shown."""
    derived = VARIABLES + (
        '[features]\nshare = "pla / a300"\n[objective]\nname = "maximum"\nresponse = "share"\n'
    )
    file = tmp_path / "twin.npz"
    table = (twin.parent / "table.csv").read_text(encoding="utf-8").replace("a300", "share", 1)
    (tmp_path / "table.csv").write_text(table, encoding="utf-8")
    (tmp_path / "derived.toml").write_text(derived, encoding="utf-8")
    words = ["twin", "train", str(tmp_path / "table.csv"), "--profile"]
    words += [str(tmp_path / "derived.toml"), "--surrogate", "gp", "--out", str(file)]
    assert CliRunner().invoke(main, words).exit_code == 0
    other = load_profile_text(derived, "derived.toml", Plugins.discover())
    with pytest.raises(InputError, match="cannot simulate 'share'"):
        FluidState(other, FluidicSettings(twin=file), 1, None, 0.0)


@pytest.mark.slow
def test_a_run_on_a_twin_of_variables(twin: Path, tmp_path: Path) -> None:
    """`--simulate twin:FILE` runs such a rig, and its record names the twin."""
    words = ["run", str(twin.parent / "variables.toml"), "--simulate", f"twin:{twin}"]
    done = CliRunner().invoke(main, [*words, "--out", str(tmp_path / "run")])
    assert done.exit_code == 0, done.output
    with RunRecord(tmp_path / "run") as record:
        assert (record.start.data.chemistry, record.start.data.invented) == ("twin", False)
        assert len(record.experiments()) == 2
        assert all(one.quality == "good" for one in record.experiments())
