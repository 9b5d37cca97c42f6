"""`flowrig plugin new` writes what works, `flowrig plugin check` tells what has been earned."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from flowrig.cli import main
from flowrig.errors import InputError
from flowrig.plugins.registry import Plugins
from flowrig.profile.settings import settings_from
from flowrig.testing.conformance.installed import offers_of
from flowrig.testing.scaffold import new_plugin

KINDS = (
    "pump",
    "heater",
    "spectrometer",
    "optimizer",
    "surrogate",
    "analysis",
    "chemistry",
    "study",
    "quality",
    "paper",
    "valve",
    "sensor",
    "stirrer",
    "flow_controller",
    "stage",
    "light",
    "collector",
    "switch",
    "tcspc",
    "phase_sensor",
    "flow_source",
)
REST_NEEDS_NOTHING = ("valve", "sensor", "stage", "collector", "switch", "tcspc", "phase_sensor")
"""Kinds of instruments without a safe value of the kind: `send_safe_action` is not asked of them,
and nothing else of those that are only read."""


@pytest.mark.slow
def test_new_plugins_pass_their_own_tests(tmp_path: Path) -> None:
    """Every kind is written complete: its tests pass as they are, without a warning or a skip."""
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
    running = {
        kind: subprocess.Popen(
            command,
            cwd=new_plugin(kind, "acme-x2", tmp_path / kind),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for kind in KINDS
    }
    said = {kind: process.communicate()[0] for kind, process in running.items()}
    for kind, process in running.items():
        assert process.returncode == 0, said[kind]
        assert " passed" in said[kind]
        assert (" skipped" in said[kind]) == (kind in REST_NEEDS_NOTHING)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_the_template_is_left(kind: str, tmp_path: Path) -> None:
    """Only the new name is in the files, and the entry point leads to the new package."""
    root = new_plugin(kind, "acme-x2", tmp_path)
    texts = [file.read_text(encoding="utf-8") for file in root.rglob("*") if file.is_file()]
    assert not any("template" in text.lower() or "$" in text for text in texts)
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["flowrig"] == {"acme-x2": "flowrig_acme_x2"}
    assert (root / "flowrig_acme_x2" / "__init__.py").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A folder that is there already is left alone."""
    root = new_plugin("optimizer", "acme", tmp_path)
    (root / "README.md").write_text("mine", encoding="utf-8")
    done = CliRunner().invoke(main, ["plugin", "new", "pump", "acme", "--into", str(tmp_path)])
    assert done.exit_code == 2
    assert "is there already" in done.output
    assert (root / "README.md").read_text(encoding="utf-8") == "mine"
    assert not list(root.rglob("pump.py"))


@pytest.mark.parametrize(
    "name", ["", "..", "../up", "a/b", "a\\b", "Acme", "1st", "a--b", "a-", "-a", "a b", "ä", "a.b",
             "a\n", "a" * 41]
)  # fmt: skip
def test_a_name_is_a_label_and_never_a_path(name: str, tmp_path: Path) -> None:
    """Whatever could lead elsewhere, or be no module's name, is refused and nothing is written."""
    with pytest.raises(InputError, match="no name for a plugin"):
        new_plugin("pump", name, tmp_path)
    assert not list(tmp_path.iterdir())


@given(name=st.text(max_size=60))
def test_no_text_leads_out_of_the_folder(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Any text is either refused, or names one new folder in the place that was asked for."""
    folder = tmp_path_factory.mktemp("here")
    try:
        root = new_plugin("optimizer", name, folder)
    except InputError:
        assert not list(folder.iterdir())
    else:
        assert list(folder.iterdir()) == [root]


def test_an_installed_plugin_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scorecard of an installed plugin, as JSON and for people, with the exit code to match."""
    done = CliRunner().invoke(main, ["plugin", "check", "random", "--json"])
    assert done.exit_code == 0, done.output
    (card,) = json.loads(done.output)
    assert (card["kind"], card["name"], card["level"]) == ("optimizer", "random", "gold")
    assert {one["outcome"] for one in card["checks"]} == {"passed"}
    assert all(one["requirement"].endswith(".") for one in card["checks"])
    done = CliRunner().invoke(main, ["plugin", "check", "random", "--at-least", "gold"])
    assert done.exit_code == 0
    assert done.output.startswith("optimizer random: gold\n")


def test_what_is_not_installed_is_told() -> None:
    """An unknown name, and a plugin without anything to check, are wrong input."""
    for name, said in (("nobody", "no plugin 'nobody'"), ("fluidic", "no conformance suite")):
        done = CliRunner().invoke(main, ["plugin", "check", name])
        assert done.exit_code == 2
        assert said in done.output


def test_settings_of_every_offer_are_made_as_a_profile_makes_them() -> None:
    """Also of offers that name others: `flowrig plugin check` judges all that a plugin offers."""
    plugins = Plugins.discover()
    for offer in offers_of(plugins, "standard"):
        assert isinstance(settings_from(offer, plugins, ()), offer.settings)
    for listed in plugins.listed:
        if listed.offer.kind in ("surrogate", "world", "chemistry"):
            settings = settings_from(listed.offer, plugins, ())
            assert isinstance(settings, listed.offer.settings)
    mean = settings_from(plugins.offer("surrogate", "mean-of"), plugins, ['of=["gp", "enn"]'])
    assert [one.offer.name for one in mean.of] == ["gp", "enn"]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ('of=["gp", "emm"]', "no plugin offers the surrogate 'emm'"),
        ('of=["gp"]', "two surrogates or more"),
        ("off=true", "did you mean 'of'?"),
    ],
)
def test_wrong_settings_of_offers_that_name_others_are_told(word: str, said: str) -> None:
    """Wrong input, with the words of a profile."""
    done = CliRunner().invoke(main, ["plugin", "check", "mean-of", "--set", word])
    assert done.exit_code == 2
    assert said in done.output


def test_the_kit_needs_no_pytest() -> None:
    """Where pytest is not installed, the kit can be imported, and plugins be checked and made."""
    code = (
        "import sys; sys.modules['pytest'] = None\n"
        "import flowrig.testing, flowrig.testing.conformance.installed, flowrig.testing.scaffold\n"
        "import flowrig.cli\n"
        "assert not {'torch', 'sklearn', 'serial', 'hypothesis'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_command_line_does_not_load_the_kit() -> None:
    """The kit is imported by the command that needs it, and by nothing else."""
    code = "import sys, flowrig.cli\nassert 'flowrig.testing' not in sys.modules\n"
    subprocess.run([sys.executable, "-c", code], check=True)
