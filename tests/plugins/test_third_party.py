"""A third party's distribution, as a stranger gets it: wheels in a fresh virtual environment."""

import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
from fresh_environment import ACME, Bare, Lab, run

from flowrig.journal.events import Decided, Opened, RunStarted
from flowrig.journal.journal import FILE_NAME, Journal

pytestmark = pytest.mark.xdist_group("fresh environment")


def test_flowrig_alone_lists_its_plugins(bare: Bare) -> None:
    """Without a single extra the plugins are listed, each with what to install."""
    done = bare.said["plugins"]
    assert done.returncode == 0, done.stderr
    for extra in ("chemyx", "watlow", "ocean", "gp", "enn"):
        assert f"pip install 'flowrig[{extra}]'" in done.stdout


def test_flowrig_alone_says_what_a_run_needs(bare: Bare) -> None:
    """One line, exit code 2, and nothing is left behind."""
    done = bare.said["run"]
    assert done.returncode == 2, done.stdout + done.stderr
    (line,) = done.stderr.splitlines()
    assert "pip install 'flowrig[" in line
    assert not (bare.lab.folder / "too-early").exists()


def test_a_third_partys_offers_are_listed(lab: Lab) -> None:
    """Pump and optimizer come with the distribution that brings them, and its version."""
    rows = {(row["kind"], row["name"]): row for row in lab.json("plugins")["plugins"]}
    for offer in (("pump", "acme-drip"), ("optimizer", "acme-neighbourhood")):
        row = rows[offer]
        assert (row["distribution"], row["version"], row["ready"]) == ("acme-drip", "0.3.0", True)
    assert rows["pump", "chemyx-fusion"]["distribution"] == "flowrig"


def test_what_is_not_installed_is_not_ready(lab: Lab) -> None:
    """A surrogate without its package is listed with what to install."""
    rows = {(row["kind"], row["name"]): row for row in lab.json("plugins")["plugins"]}
    for name, package in (("enn", "torch"), ("gp", "sklearn")):
        row = rows["surrogate", name]
        assert not row["ready"]
        assert package in row["missing"]
        assert row["install"] == f"flowrig[{name}]"


def test_a_third_partys_profile_is_listed_and_sound(lab: Lab) -> None:
    """Profiles that a distribution ships are named without their path."""
    files = {row["name"]: Path(row["file"]) for row in lab.json("profiles")}
    assert {"acme-heatup", "acme-campaign", "cs3cu2i5-heatup-chem3"} <= set(files)
    assert files["acme-heatup"].is_relative_to(lab.site_packages)
    done = lab.flowrig("check", "acme-heatup")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_a_campaign_runs_through_a_third_partys_pump(lab: Lab) -> None:
    """Twelve experiments, through ACME's driver, emulator and optimizer."""
    done = lab.flowrig("run", "acme-campaign", "--simulate", "--seed", 1, "--out", "run")
    assert done.returncode == 0, done.stdout + done.stderr
    summary = lab.json("report", "run")
    assert (summary["state"], summary["experiments"], summary["planned"]) == ("finished", 12, 12)
    journal = Journal(lab.folder / "run" / FILE_NAME, read_only=True)
    devices = next(journal.events(Opened)).data.devices
    assert [who.vendor for name, who in devices.items() if "pump" in name] == ["ACME"] * 5
    stages = [event.data.stage for event in journal.events(Decided)]
    assert stages == ["explore"] * 6 + ["climb"] * 6
    assert next(journal.events(RunStarted)).data.versions["acme-drip"] == "0.3.0"
    journal.close()


@pytest.mark.slow
def test_two_distributions_that_claim_one_name_are_refused(lab: Lab) -> None:
    """Neither is used; a rig without them goes on, and each is told with both distributions."""
    with lab.stray("rival-pumps", "2.0", "acme = rival_pumps"):
        codes = {"plugins": 2, "check acme-heatup": 2, "check cs3cu2i5-heatup-chem3": 0}
        for command, code in codes.items():
            done = lab.flowrig(*command.split())
            assert done.returncode == code, command
            (told,) = [line for line in done.stderr.splitlines() if "rival-pumps 2.0" in line]
            assert "acme-drip 0.3.0" in told


@pytest.mark.slow
def test_a_misspelt_hook_is_told(lab: Lab) -> None:
    """With the plugin and the hook; the other plugins are listed and used all the same."""
    module = (
        "from flowrig.plugins.hookspecs import hookimpl\n"
        "@hookimpl\n"
        "def flowrig_optimisers():\n"
        "    return []\n"
    )
    with lab.stray("typing-error", "1.0", "typo = typing_error", module):
        listed = lab.flowrig("plugins")
        checked = lab.flowrig("check", "acme-heatup")
    for done, code in ((listed, 2), (checked, 0)):
        assert done.returncode == code
        assert "'typo' of typing-error 1.0" in done.stderr
        assert "flowrig_optimisers" in done.stderr
    assert "acme-neighbourhood" in listed.stdout


@pytest.mark.slow
def test_the_examples_own_tests_pass(tmp_path: Path) -> None:
    """What the example shows about testing a plugin holds."""
    pytest_ = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    done = run(*pytest_, ACME, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_wheel_holds_the_page_with_the_licence_of_its_charts(bare: Bare) -> None:
    """`flowrig watch` fetches nothing from a network, so its files come with flowrig."""
    with ZipFile(bare.wheels["flowrig"]) as wheel:
        held = {Path(name).name for name in wheel.namelist() if "flowrig_watch/static/" in name}
    assert {"index.html", "watch.js", "watch.css"} <= held
    assert {"uPlot.iife.min.js", "uPlot.min.css", "uPlot.LICENSE"} <= held
