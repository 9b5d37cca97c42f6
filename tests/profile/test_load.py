"""Loading: names, `extends`, campaigns, frozen copies."""

import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrig.plugins.registry import Plugins
from flowrig.problem.objective import PlqyProxy
from flowrig.profile import (
    ProfileError,
    check_profile,
    list_profiles,
    load_campaign,
    load_profile,
    load_profile_text,
    load_target,
    merged_toml,
)
from flowrig.profile.library import shipped_folder
from flowrig.profile.source import LONGEST_TEXT, Document, parse_text

NAMES = sorted(file.stem for file in shipped_folder().glob("*.toml"))
CAMPAIGN = """
profile = "cs3cu2i5-heatup-chem1"
title = "Three at random"
surrogate = { name = "enn" }
seed = 7

[[stages]]
name = "explore"
optimizer = "lhs"
experiments = 3

[stop]
at_most = "2 h"
"""


@pytest.fixture(scope="module")
def installed() -> Plugins:
    """The installed plugins: the shipped profiles name more than the light set offers."""
    return Plugins.discover()


@pytest.mark.parametrize("name", NAMES)
def test_shipped_profiles_load(name: str, installed: Plugins) -> None:
    """Every profile that comes with flowrig is free of problems."""
    assert check_profile(name, installed) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_frozen_copy_gives_the_same_profile(name: str, installed: Plugins) -> None:
    """The merged text needs no other file, and reloads to the same profile and digest."""
    plugins = installed
    profile = load_profile(name, plugins)
    text = merged_toml(name, plugins)
    assert "extends" not in text
    assert load_profile_text(text, "profile.toml", plugins) == profile


def test_the_reference_profile_says_what_the_paper_says(plugins: Plugins) -> None:
    """Quantities, settings and rules arrive in the units of the model."""
    profile = load_profile("cs3cu2i5-heatup-chem1", plugins)
    assert profile.limits.total_flow_ul_min == (600.0, 900.0)
    assert profile.path["feed_cui"].inner_diameter_mm == 0.508
    assert profile.path["reactor"].volume_ul == 600.0
    assert profile.steady.timeout_s == 3600.0
    assert profile.objective == PlqyProxy(0.1336, 0.9115, 198493.1521)
    assert profile.devices["hdx_pl"].settings.integration_time_us == 8000  # type: ignore[attr-defined]
    assert profile.streams["CuI"].stock is not None
    assert profile.streams["CuI"].stock.ingredients[0].amount_mmol == 0.48
    assert profile.campaign is not None
    assert profile.campaign.experiments == 76
    assert profile.campaign.stages[0].order_by == "temperature"


def test_the_space_holds_the_limits_on_flow_rates(plugins: Plugins) -> None:
    """A point of the search space is feasible just when the flow rates that follow are allowed."""
    profile = load_profile("cs3cu2i5-heatup-chem3", plugins)
    space = profile.space
    corners = list(itertools.product(*((p.low, p.high) for p in space.parameters)))
    for row in space.rows(space.array([dict(zip(space.names, c, strict=True)) for c in corners])):
        rates = profile.flow_rates_ul_min(row)
        low, high = profile.limits.total_flow_ul_min
        allowed = low - 1e-6 <= sum(rates.values()) <= high + 1e-6
        assert bool(space.feasible(space.array([row]))[0]) == allowed


def test_the_digest_follows_the_content_only(plugins: Plugins) -> None:
    """Order, comments and the split into files do not change the digest; a value does."""
    digest = load_profile("cs3cu2i5-heatup-chem3", plugins).digest
    text = merged_toml("cs3cu2i5-heatup-chem3", plugins)
    steady = text[text.index("[steady]") : text.index("[calibration]")]
    moved = f"# elsewhere\n{text.replace(steady, '')}\n{steady}"
    changed = text.replace('"185 degC"', '"184 degC"')
    assert load_profile_text(moved, "a.toml", plugins).digest == digest
    assert load_profile_text(changed, "a.toml", plugins).digest != digest


def test_a_campaign_file_names_its_profile(plugins: Plugins, tmp_path: Path) -> None:
    """A campaign replaces the one that the profile brings along, and freezes together with it."""
    file = tmp_path / "three.toml"
    file.write_text(CAMPAIGN, encoding="utf-8")
    profile, campaign = load_campaign(file, plugins)
    assert profile.name == "cs3cu2i5-heatup-chem1"
    assert (campaign.title, campaign.seed, campaign.experiments) == ("Three at random", 7, 3)
    assert campaign.stop.at_most_s == 7200.0
    assert load_target(file, plugins) == (profile, campaign)
    frozen = merged_toml(file, plugins)
    assert load_profile_text(frozen, "profile.toml", plugins) == profile


def test_problems_of_a_campaign_point_into_its_file(plugins: Plugins, tmp_path: Path) -> None:
    """Line and column are those of the campaign file, not of the table that it stands for."""
    file = tmp_path / "three.toml"
    file.write_text(CAMPAIGN.replace("experiments = 3", "experimets = 3"), encoding="utf-8")
    assert [str(one).removeprefix(f"{file}:") for one in check_profile(file, plugins)] == [
        "7:3: missing key 'experiments'",
        "10:1: unknown key 'experimets'; did you mean 'experiments'?",
    ]


def test_plugins_ship_profiles(plugins: Plugins, shelf: Path) -> None:
    """A profile in a plugin's folder is found by name, listed, and can be extended by name."""
    file = shelf / "our-rig.toml"
    file.write_text('extends = "cs3cu2i5-heatup"\ntitle = "Ours"\n', encoding="utf-8")
    (shelf / "our-campaign.toml").write_text(CAMPAIGN, encoding="utf-8")
    (shelf / "broken.toml").write_text("= nothing", encoding="utf-8")
    listed = {one.name: one for one in list_profiles(plugins)}
    assert load_profile("our-rig", plugins).title == "Ours"
    assert set(listed) == {*NAMES, "our-rig", "our-campaign"}
    assert listed["our-rig"].file == file


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("cs3cu2i5-heatup-chem4", "did you mean 'cs3cu2i5-heatup-chem"),
        ("no/such/file.toml", "there is no file"),
        ("../no/such/rig", "there is no file"),
        ("x" * 5000 + ".toml", "there is no file"),
        ("with\0zero.toml", "there is no file"),
    ],
)
def test_what_is_not_there_is_said_so(target: str, said: str, plugins: Plugins) -> None:
    """An unknown name or path is one problem, with the nearest name."""
    with pytest.raises(ProfileError, match=said):
        load_profile(target, plugins)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"#" * (LONGEST_TEXT + 1), "too large"),
        (b'title = "\xff"', ":1:10: the file is not UTF-8"),
        (b"a = " + b"[" * 50_000, "nested too deeply"),
        (b"a = " + b"9" * 5000, "not TOML"),
        (b"[campaign]\nseed = 0x" + b"f" * 500, "too large"),
        (b"[limits]\nmost = nan", ":2:8: nan is not finite"),
        (b"extends = 3", ":1:11: got 3; expected the name of a profile"),
        (b'extends = "nothing-like-it"', ":1:11: no profile is called"),
        (b'profile = "our-campain.toml"', ":1:11: there is no file"),
        (b"devices = 3", "got 3; expected a table"),
        (b"devices = [[1], {a = 2}]", "got an array; expected a table"),
        (b"devices.x = 1", ":1:13: got 1; expected a table"),
        (b"safe_state = {}", "got a table; expected an array"),
        (b"devices.x.driver = 5", ":1:20: got 5; expected a text in quotes"),
        (b"dependent_flows.A = 5", ":1:21: got 5; expected a text in quotes"),
        (b'name = "../other"', ':1:8: got "../other"; expected a text of letters'),
        (b'digest = "0"', ":1:1: unknown key 'digest'"),
    ],
)
def test_hostile_files_are_refused(
    data: bytes, said: str, plugins: Plugins, tmp_path: Path
) -> None:
    """Whatever is in a file, the answer is a list of problems."""
    file = tmp_path / "hostile.toml"
    file.write_bytes(data)
    problems = [str(problem) for problem in check_profile(file, plugins)]
    assert any(said in problem for problem in problems), problems


def test_a_long_chain_of_profiles_is_refused(plugins: Plugins, tmp_path: Path) -> None:
    """A file may extend another that extends another, but not for ever."""
    for index in range(20):
        text = f'extends = "p{index + 1}.toml"\n'
        (tmp_path / f"p{index}.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ProfileError, match="extend each other"):
        load_profile(tmp_path / "p0.toml", plugins)


CONTENT = st.recursive(
    st.integers(0, 9) | st.lists(st.integers(0, 9), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
TABLES = st.dictionaries(st.sampled_from("abc"), CONTENT, max_size=3)


def written(content: dict[str, Any], file: str) -> Document:
    def value(one: Any) -> str:
        if isinstance(one, dict):
            return "{" + ", ".join(f"{k} = {value(v)}" for k, v in one.items()) + "}"
        return str(one)

    return parse_text("".join(f"{k} = {value(v)}\n" for k, v in content.items()), file)


@given(TABLES, TABLES)
def test_tables_merge_and_values_replace(base: dict[str, Any], upper: dict[str, Any]) -> None:
    """Of two files the upper one wins value by value, and every value keeps its own place."""
    lower, higher = written(base, "base"), written(upper, "upper")
    merged = higher.over(lower)

    def check(result: Any, below: Any, above: Any, path: tuple[Any, ...]) -> None:
        for key in {*below, *above}:
            here = (*path, key)
            if isinstance(below.get(key), dict) and isinstance(above.get(key), dict):
                check(result[key], below[key], above[key], here)
                continue
            source = higher if key in above else lower
            assert result[key] == (above if key in above else below)[key]
            assert merged.spots[here] == source.spots[here]

    check(merged.content, lower.content, higher.content, ())
    assert lower.content == base
