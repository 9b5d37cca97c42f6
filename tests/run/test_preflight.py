"""What `flowrig check` says is what `flowrig run` refuses, before anything is opened or made."""

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from flowrig.errors import InputError
from flowrig.plugins.offers import DriverOffer
from flowrig.plugins.registry import ListedOffer, Plugins
from flowrig.profile import load_profile
from flowrig.run.options import RunOptions
from flowrig.run.preflight import refusals, simulation_outlook, simulation_refusal
from flowrig.run.start import start_run

HEAD = 'extends = "cs3cu2i5-heatup-chem3"\n'

REFUSED = {
    "light": (
        '[devices.hdx_absorbance]\nlight_source = "none"\n',
        "devices.hdx_absorbance: its light source is not under control",
    ),
    "prior": (
        '[[campaign.prior]]\nsource = "nothing.csv"\n',
        "prior knowledge: ",
    ),
}
"""What a run refuses, emulated or not."""

UNSIMULATED = {
    "twin": ('[simulation]\ntwin = "nothing.npz"\n', "nothing.npz cannot be read"),
    "window": (
        '[analysis.absorbance]\nbaseline_window = ["900 nm", "1000 nm"]\n',
        "analysis.absorbance.baseline_window: 900 to 1000 nm is beyond the detector",
    ),
    "cells before the reactor": (
        '[path.cooling]\nto = "waste"\n[path.segmentation]\nto = "cell_absorbance"\n'
        '[path.cell_pl]\nto = "reactor"\n[residence_time]\nend = "cooling"\n',
        "needs a heated reactor",
    ),
}
"""What only a simulated run refuses."""


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "rig.toml"
    file.write_text(HEAD + text, encoding="utf-8")
    return file


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_run_refuses_is_found_by_check(flowrig: Any, tmp_path: Path, name: str) -> None:
    """With the same words and exit code 2; no folder is made."""
    text, said = REFUSED[name]
    file = write(tmp_path, text)
    assert said in flowrig("check", file, code=2).stderr
    assert any(
        said in one
        for one in json.loads(flowrig("check", file, "--json", code=2).stdout)["refused"]
    )
    for words in ([], ["--simulate"]):
        done = flowrig("run", file, *words, "--out", tmp_path / "run", code=2)
        assert said in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", UNSIMULATED)
def test_what_cannot_be_simulated_is_found_by_check(
    flowrig: Any, tmp_path: Path, name: str
) -> None:
    """A notice, because the real rig can be used; an error where a simulation is wanted."""
    text, said = UNSIMULATED[name]
    file = write(tmp_path, text)
    done = flowrig("check", file, "--json")
    assert said in json.loads(done.stdout)["cannot_be_simulated"]
    assert json.loads(done.stdout)["simulation"]["works"] is False
    words = " ".join(flowrig("check", file).stdout.split())
    assert "it cannot be simulated: " in words
    assert said in words.replace(f"{tmp_path}/", "")
    assert said in flowrig("check", file, "--simulate", code=2).stderr
    done = flowrig("run", file, "--simulate", "--out", tmp_path / "run", code=2)
    assert said in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("text", "chemistry", "invented"),
    [
        ("", "chem3", False),
        ('unset = ["simulation"]\n', "stand-in", True),
        ('[simulation]\nchemistry = "cs3cu2i5-heatup"\n', "cs3cu2i5-heatup", False),
    ],
)
def test_check_says_what_a_simulation_will_be(
    flowrig: Any, tmp_path: Path, text: str, chemistry: str, *, invented: bool
) -> None:
    """Whether it works, with which chemistry, and whether its numbers are invented."""
    file = write(tmp_path, text)
    told = json.loads(flowrig("check", file, "--json").stdout)["simulation"]
    expected = {"works": True, "chemistry": chemistry, "invented": invented, "unanswered": []}
    assert told == expected
    words = " ".join(flowrig("check", file).stdout.split())
    assert f"--simulate works with the chemistry {chemistry}" in words
    assert ("its numbers are invented" in words) is invented


@pytest.mark.parametrize(
    ("chemistry", "quantity", "unanswered"),
    [
        ("larp", "plqy", ()),
        ("larp", "peak", ()),
        ("larp", "size", ("sphere.size",)),
        ("stand-in", "size", ()),  # its numbers are invented, for everything
    ],
)
def test_check_says_which_results_nobody_enters(
    tmp_path: Path, chemistry: str, quantity: str, unanswered: tuple[str, ...]
) -> None:
    """An objective that needs them would wait for ever."""
    unit = "%" if quantity == "plqy" else "nm"
    text = (
        'extends = "cspbbr3-larp-published"\n'
        f'[simulation]\nchemistry = "{chemistry}"\n'
        f'[analysis.channels.sphere]\ngives = {{ {quantity} = "{unit}" }}\n'
        f'[features]\nplqy = "sphere.{quantity}"\n'
        'peak_nm = "1 * plqy"\nfwhm_nm = "1 * plqy"\n'
    )
    (tmp_path / "later.toml").write_text(text, encoding="utf-8")
    outlook = simulation_outlook(load_profile(tmp_path / "later.toml", Plugins.discover()))
    assert outlook.unanswered == unanswered
    assert ("it says nothing of sphere.size" in str(outlook)) is bool(unanswered)


def test_a_sound_profile_is_identified_on_the_emulated_rig(flowrig: Any) -> None:
    """`--simulate` opens the emulated instruments and asks them for their limits."""
    done = flowrig("check", "cs3cu2i5-heatup-chem3", "--simulate")
    assert "plate: Watlow Electric F4T" in done.stdout


def changed(name: str, **others: Any) -> Plugins:
    """The installed plugins, with another offer of a driver."""
    installed = Plugins.discover()
    return evolve(
        installed,
        listed=tuple(
            evolve(one, offer=evolve(one.offer, **others))
            if isinstance(one.offer, DriverOffer) and one.offer.name == name
            else one
            for one in installed.listed
        ),
    )


@pytest.mark.parametrize("emulator", ["", "flowrig_ocean.nowhere:Nothing", "flowrig_ocean:Nothing"])
def test_a_driver_without_an_emulator_cannot_be_simulated(tmp_path: Path, emulator: str) -> None:
    """None is shipped, or what the offer names is not there."""
    plugins = changed("ocean-hdx", emulator=emulator)
    profile = load_profile("cs3cu2i5-heatup-chem3", plugins)
    assert refusals(profile, plugins) == []
    assert "hdx_absorbance" in simulation_refusal(profile)
    options = RunOptions(folder=tmp_path / "run", simulate=True, plugins=plugins)
    with pytest.raises(InputError, match="hdx_absorbance"):
        start_run("cs3cu2i5-heatup-chem3", options)
    assert not (tmp_path / "run").exists()


def test_a_driver_that_is_not_there_is_found(tmp_path: Path) -> None:
    """Nothing of the plugin is imported for that."""
    plugins = changed("chemyx-fusion", target="flowrig_chemyx.nowhere:Nothing")
    profile = load_profile("cs3cu2i5-heatup-chem3", plugins)
    (said,) = refusals(profile, plugins)
    assert "the pump 'chemyx-fusion' points to 'flowrig_chemyx.nowhere:Nothing'" in said
    assert isinstance(plugins.listed[0], ListedOffer)


def test_a_rig_that_cannot_do_it_is_left_as_it_is(
    flowrig: Any, short: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What only the instruments know ends a run with 1, and nothing moves."""
    monkeypatch.setattr("flowrig.run.start.require_acceptable", lambda *_, **__: None)
    file = short()
    text = file.read_text(encoding="utf-8")
    file.write_text(
        text + '\n[analysis.absorbance]\nbaseline_window = ["900 nm", "1000 nm"]\n',
        encoding="utf-8",
    )
    done = flowrig("run", file, "--simulate", "--out", tmp_path / "run", code=1)
    assert "is beyond the detector of 'hdx_absorbance'" in done.stderr
    assert "nothing was moved" in done.stderr
    assert "safe state" not in done.stdout
