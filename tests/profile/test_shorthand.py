"""Shorter ways to write a profile mean what the longer ones mean."""

import tomllib
from pathlib import Path

import attrs
import pytest
import tomlkit
from click.testing import CliRunner

from flowrig.cli import main
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile, ProfileError, load_profile, merged_toml
from flowrig.profile.source import read_document

BASE = 'extends = "cs3cu2i5-heatup-chem3"\n'

SYRINGES = {
    "written out": """
[[interlocks]]
kind = "syringe-not-empty"
streams = ["CuI", "ZnI2", "CsOA", "ODE", "PFO"]
remainder = "100 uL"
""",
    "by name, for every stream": """
[interlocks.syringes]
kind = "syringe-not-empty"
remainder = "100 uL"
""",
}

GATES = {
    "written out": '[[gates]]\nname = "oven"\nbefore = "heating"\nabove = "100 degC"\n',
    "by name": '[gates.oven]\nbefore = "heating"\nabove = "100 degC"\n',
}

PICKS = {
    "older": 'reactive_frames = 40\nreactive_window = ["250 nm", "350 nm"]\n',
    "newer": 'pick = { frames = 40, darkest = ["250 nm", "350 nm"] }\n',
}


@pytest.fixture(scope="module")
def installed() -> Plugins:
    return Plugins.discover()


def load(text: str, folder: Path, plugins: Plugins, base: str = BASE) -> Profile:
    file = folder / "rig.toml"
    file.write_text(base + text, encoding="utf-8")
    return load_profile(file, plugins)


@pytest.mark.parametrize("texts", [SYRINGES, GATES])
def test_entries_by_name_are_those_of_the_list(
    texts: dict[str, str], tmp_path: Path, plugins: Plugins
) -> None:
    base = f'{BASE}unset = ["interlocks"]\n'
    first, second = (load(one, tmp_path, plugins, base) for one in texts.values())
    assert attrs.evolve(second, digest=first.digest) == first


def test_an_extension_changes_an_entry_by_its_name(tmp_path: Path, plugins: Plugins) -> None:
    before = load("", tmp_path, plugins).interlocks
    text = '[interlocks]\nsyringes = { action = "safe" }\n'
    after = load(text, tmp_path, plugins).interlocks
    assert [one.kind for one in after] == [one.kind for one in before]
    assert (before[-1].action, after[-1]) == ("hold", attrs.evolve(before[-1], action="safe"))


def test_an_extension_adds_an_entry_by_its_name(tmp_path: Path, plugins: Plugins) -> None:
    before = load("", tmp_path, plugins).interlocks
    text = '[interlocks.more]\nkind = "syringe-not-empty"\nstreams = ["ODE"]\nremainder = "1 mL"\n'
    after = load(text, tmp_path, plugins).interlocks
    assert after[:-1] == before
    assert after[-1].streams == ("ODE",)


def test_a_mistake_in_an_entry_by_name_is_shown_there(tmp_path: Path, plugins: Plugins) -> None:
    text = '[interlocks.more]\nkind = "syringe-not-empty"\nstreams = ["CuII"]\n'
    with pytest.raises(ProfileError) as caught:
        load(text, tmp_path, plugins)
    (problem,) = caught.value.problems
    assert (problem.place.line, problem.nearest) == (4, "CuI")


def test_one_pick_serves_every_channel(tmp_path: Path, plugins: Plugins) -> None:
    base = f'{BASE}unset = ["analysis.reactive_frames", "analysis.reactive_window"]\n[analysis]\n'
    first, second = (load(one, tmp_path, plugins, base) for one in PICKS.values())
    assert first.analysis.channels == second.analysis.channels
    assert second.analysis.with_picks(0.5).channels["absorbance"].picked is not None
    both = "".join(PICKS.values())
    with pytest.raises(ProfileError, match="`pick` alone"):
        load(both, tmp_path, plugins, base)


def test_too_many_picked_frames_are_found(tmp_path: Path, plugins: Plugins) -> None:
    base = f'{BASE}unset = ["analysis.reactive_frames", "analysis.reactive_window"]\n[analysis]\n'
    with pytest.raises(ProfileError, match="no more than `frames`"):
        load(PICKS["newer"].replace("40", "4000"), tmp_path, plugins, base)


def test_a_rig_without_steps_has_the_usual_safe_state(tmp_path: Path, plugins: Plugins) -> None:
    profile = load("", tmp_path, plugins, BASE + 'unset = ["safe_state"]\n')
    heat, reagents, lights, rest = profile.safe_state
    assert (heat.do, heat.heaters) == ("heater-off", ("plate",))
    assert (reagents.do, reagents.streams) == ("stop", ("CuI", "ZnI2", "CsOA"))
    assert (lights.do, set(lights.spectrometers)) == ("light-off", {*profile.analysis.devices})
    assert (rest.do, rest.streams) == ("stop", ("ODE", "PFO"))


def test_a_light_that_no_channel_shuts_is_in_no_step(installed: Plugins, tmp_path: Path) -> None:
    """A step that cannot be done would end every run in a doubt."""
    text = (
        'unset = ["safe_state", "analysis", "objective", "calibration", "path.cell_absorbance", '
        '"devices.hdx_absorbance"]\n'
        '[path]\ncooling = { to = "cell_pl" }\n[residence_time]\nend = "cell_pl"\n'
        '[analysis]\nframes = 50\nframe_interval = "400 ms"\n'
        '[analysis.channels.pl]\nuse = "emission"\ndevice = "hdx_pl"\ndark = "none"\n'
        'baseline = ["800 nm", "1000 nm"]\n'
        '[features]\npla = "area(pl, 345 nm, 700 nm)"\n'
        '[objective]\nname = "maximum"\nresponse = "pla"\n'
    )
    profile = load(text, tmp_path, installed)
    assert [step.do for step in profile.safe_state] == ["heater-off", "stop", "stop"]


def test_without_a_limit_streams_deliver_what_they_can(tmp_path: Path, plugins: Plugins) -> None:
    profile = load("", tmp_path, plugins, BASE + 'unset = ["limits.total_flow"]\n')
    highest = sum(one.flow_rate_ul_min[1] for one in profile.streams.values())
    assert profile.limits.total_flow_ul_min == (0.0, highest)


def test_a_heater_without_a_limit_is_found(tmp_path: Path, plugins: Plugins) -> None:
    with pytest.raises(ProfileError, match="plate"):
        load("", tmp_path, plugins, BASE + 'unset = ["limits"]\n')


NAMED = """
[space.ZnI2]
range = ["90 uL/min", "110 uL/min"]

[campaign.stages.improve]
experiments = 7

[campaign.stages.last]
optimizer = "lhs"
experiments = 3
"""


@pytest.mark.parametrize("form", ["array", "table"])
def test_named_entries_change_and_add_to_what_is_inherited(
    form: str, tmp_path: Path, plugins: Plugins
) -> None:
    """Whether the inherited entries stand in an array or by name; the others stay as they are."""
    before = load("", tmp_path, plugins)
    base = BASE
    if form == "table":
        content = tomllib.loads(merged_toml(tmp_path / "rig.toml", plugins))
        for holder, key in ((content, "space"), (content["campaign"], "stages")):
            holder[key] = {one.pop("name"): one for one in holder[key]}
        (tmp_path / "named.toml").write_text(tomlkit.dumps(content), encoding="utf-8")
        base = 'extends = "named.toml"\n'
        assert load("", tmp_path, plugins, base).variables == before.variables
    after = load(NAMED, tmp_path, plugins, base)
    pairs = zip(after.variables, before.variables, strict=True)
    changed = [one for one, old in pairs if one != old]
    assert [(one.name, one.range) for one in changed] == [("ZnI2", (90.0, 110.0))]
    assert after.campaign is not None
    stages = after.campaign.stages
    assert [(one.name, one.experiments) for one in stages] == [
        ("explore", 60), ("improve", 7), ("exploit", 1), ("last", 3)
    ]  # fmt: skip


def test_an_entry_is_dropped_by_its_name(tmp_path: Path, plugins: Plugins) -> None:
    before = load("", tmp_path, plugins)
    base = f'{BASE}unset = ["space.ODE", "campaign.stages.exploit"]\n'
    after = load('[dependent_flows]\nODE = "200 uL/min"\n', tmp_path, plugins, base)
    assert [one.name for one in after.variables] == [
        one.name for one in before.variables if one.name != "ODE"
    ]
    assert after.campaign is not None
    assert [one.name for one in after.campaign.stages] == ["explore", "improve"]
    with pytest.raises(ProfileError, match=r"'space\.ODEE' is not inherited") as caught:
        load("", tmp_path, plugins, f'{BASE}unset = ["space.ODEE"]\n')
    assert caught.value.problems[0].nearest == "ODE"


def test_a_named_interlock_is_added_to_an_array(tmp_path: Path, plugins: Plugins) -> None:
    """Nothing that is inherited gets lost."""
    (tmp_path / "base.toml").write_text(
        f'{BASE}unset = ["interlocks"]\n{SYRINGES["written out"]}', encoding="utf-8"
    )
    text = '[interlocks.more]\nkind = "syringe-not-empty"\nstreams = ["ODE"]\nremainder = "1 mL"\n'
    after = load(text, tmp_path, plugins, 'extends = "base.toml"\n').interlocks
    assert [len(one.streams) for one in after] == [5, 1]


def test_a_mistake_in_an_inherited_entry_is_shown_in_its_own_file(
    tmp_path: Path, plugins: Plugins
) -> None:
    """Also where the entries of an array became entries by name."""
    (tmp_path / "base.toml").write_text(
        f'{BASE}unset = ["space"]\n[[space]]\nname = "CuI"\nrange = ["5 uL/min", "1 uL/min"]\n',
        encoding="utf-8",
    )
    with pytest.raises(ProfileError) as caught:
        load('[space.ZnI2]\nrange = ["1 uL/min", "2 s"]\n', tmp_path, plugins,
             'extends = "base.toml"\n')  # fmt: skip
    places = {Path(one.place.file).name: one.place.line for one in caught.value.problems}
    assert places == {"base.toml": 5, "rig.toml": 3}


@pytest.mark.parametrize(
    ("interlocks", "replaced"),
    [
        ("", ()),
        ('[interlocks.heat]\naction = "hold"\n', ()),
        ('[[interlocks]]\nkind = "syringe-not-empty"\nremainder = "1 mL"\n', ("heat", "flow")),
    ],
)
def test_interlocks_that_an_array_replaces_are_told(
    interlocks: str, replaced: tuple[str, ...], tmp_path: Path
) -> None:
    """A rule that is gone because another was written down is a rule that somebody misses."""
    (tmp_path / "base.toml").write_text(
        '[interlocks]\nheat = { kind = "heat" }\nflow = { reading = "flow" }\n', encoding="utf-8"
    )
    (tmp_path / "mine.toml").write_text(f'extends = "base.toml"\n{interlocks}', encoding="utf-8")
    (tmp_path / "last.toml").write_text('extends = "mine.toml"\ntitle = "x"\n', encoding="utf-8")
    for name in ("mine.toml", "last.toml"):
        document = read_document(tmp_path / name, lambda name, folder: folder / name)
        assert document.replaced_rules == replaced


def test_check_says_which_interlocks_are_replaced(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'extends = "cs3cu2i5-heatup"\n[[interlocks]]\nkind = "syringe-not-empty"\n'
        'remainder = "1 mL"\n',
        encoding="utf-8",
    )
    done = CliRunner().invoke(main, ["check", str(path)])
    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())
    assert "[[interlocks]] replaces what is inherited, on" in said
    assert "flow-needs-steady-temperature" in said
