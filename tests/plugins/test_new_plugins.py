"""Plugins as `flowrig plugin new` writes them: built, installed, found, checked, and in a run."""

import shutil
from pathlib import Path

import pytest
import tomlkit
from fresh_environment import ROOT, Lab, build_wheels, run

from flowrig.journal.events import Opened, RunStarted
from flowrig.journal.journal import FILE_NAME, Journal

pytestmark = [
    pytest.mark.xdist_group("fresh environment"),
    pytest.mark.slow,
    pytest.mark.timeout(1200),  # one distribution of each kind is built and installed
]
"""The scaffolds themselves are tried without an installation in tests/testing."""

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

OURS = {kind: f"our-{kind.replace('_', '-')}" for kind in KINDS}
"""Names of the plugins."""

MODELS = ("optimizer", "surrogate", "analysis", "chemistry", "study", "quality", "paper")


@pytest.fixture(scope="module")
def new(lab: Lab) -> Lab:
    """One plugin of each kind, "our-pump" and so on, built and installed beside the others."""
    for kind in KINDS:
        done = lab.flowrig("plugin", "new", kind, OURS[kind])
        assert done.returncode == 0, done.stdout + done.stderr
    projects = [lab.folder / f"flowrig-{name}" for name in OURS.values()]
    lab.install("pytest", *build_wheels(projects, lab.folder / "wheels-of-our-own"))
    for project in projects:  # what is left of each are its tests
        shutil.rmtree(project / project.name.replace("-", "_"))
    return lab


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    """The reference rig with instruments and campaign of our own; three experiments."""
    text = (ROOT / "profiles" / "cs3cu2i5-heatup.toml").read_text(encoding="utf-8")
    content = tomlkit.parse(text).unwrap()
    ours = {
        "chemyx-fusion": "our-pump",
        "watlow-f4t": "our-heater",
        "ocean-hdx": "our-spectrometer",
    }
    content["devices"] = {
        name: {"driver": ours[device["driver"]], "address": f"COM{number}"}
        for number, (name, device) in enumerate(content["devices"].items(), 1)
    }
    content["devices"] |= {
        "selector": {
            "driver": "our-valve", "address": "COM20", "positions": {"a": 1, "b": 2}, "safe": "a"
        },
        "gauge": {"driver": "our-sensor", "address": "COM21"},
        "bar": {"driver": "our-stirrer", "address": "COM22"},
        "gas": {"driver": "our-flow-controller", "address": "COM27"},
        "probe": {"driver": "our-stage", "address": "COM24", "safe": "0 mm"},
        "lamp": {"driver": "our-light", "address": "COM25"},
        "fractions": {
            "driver": "our-collector", "address": "COM26", "positions": {"drain": 1, "tube_1": 2},
            "safe": "drain",
        },
        "fibres": {
            "driver": "our-switch", "address": "COM30", "positions": {"one": 1, "two": 2},
            "safe": "one",
        },
        "counter": {"driver": "our-tcspc", "address": "COM28"},
        "gates": {"driver": "our-phase-sensor", "address": "COM29"},
    }  # fmt: skip
    content["devices"]["pump_pfo"] = {"driver": "our-flow-source", "address": "COM23"}
    content["streams"]["PFO"] |= {"device": "pump_pfo", "supply": "1 L"}
    for key in ("pump", "syringe"):
        del content["streams"]["PFO"][key]
    content["path"]["mixer"] |= {"sensor": "gauge", "stirrer": "bar"}
    content["settings"] = {
        "selector": "b",
        "bar": "300 rpm",
        "gas": "20 mL/min",
        "probe": "12.5 mm",
        "lamp": "40 %",
        "fractions": "tube_1",
        "fibres": "two",
    }
    content["path"]["cell_pl"]["devices"] = ["counter", "gates"]
    content["limits"]["temperature"] = ["5 degC", "185 degC"]  # as far as our heater goes
    content["analysis"] |= {"frames": 40, "frame_interval": "100 ms", "reactive_frames": 10}
    content["analysis"]["channels"] = {
        "ours": {"use": "our-analysis", "device": "hdx_pl"},
        "glow": {"use": "decay", "device": "counter", "frames": 2, "frame_interval": "0 s"},
        "slugs": {"use": "phase", "device": "gates"},
    }
    content["features"] = {
        "centre": "ours.centroid",
        "lifetime": "glow.lifetime",
        "share": "slugs.reactive_share",
    }
    content["streams"]["CuI"]["contains"] = {"Pb": "5 mmol/L"}
    content["simulation"] = {"chemistry": "our-chemistry"}
    content["quality"] = {"ours": {"use": "our-quality"}}
    content["campaign"] = {
        "surrogate": {"name": "our-surrogate"},
        "stages": [
            # From five experiments on, the surrogate tells the best at the end.
            {"name": "explore", "optimizer": "our-optimizer", "experiments": 5},
            {"study": "our-study", "repeats": 1},
        ],
    }
    path = tmp_path / "ours.toml"
    path.write_text(tomlkit.dumps(content), encoding="utf-8")
    return path


@pytest.mark.slow
def test_new_plugins_are_listed(new: Lab) -> None:
    """Each is found under its name, with its distribution, and is ready."""
    rows = {(row["kind"], row["name"]): row for row in new.json("plugins")["plugins"]}
    for kind in KINDS:
        row = rows[kind, OURS[kind]]
        assert (row["distribution"], row["ready"]) == (f"flowrig-{OURS[kind]}", True)


@pytest.mark.slow
def test_their_own_tests_pass_on_what_was_installed(new: Lab) -> None:
    """With nothing but the wheels and pytest; those of the other kinds are made alike."""
    folders = [new.folder / f"flowrig-our-{kind}" / "tests" for kind in ("pump", "surrogate")]
    done = run(
        new.programs / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider",
        "--import-mode", "importlib", "-W", "error", *folders, cwd=new.folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert " skipped" not in done.stdout


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("pump", marks=pytest.mark.slow),
        "optimizer",
        "analysis",
        "flow_controller",
        "stage",
        "light",
        "collector",
        "phase_sensor",
    ],
)
def test_they_are_gold(new: Lab, kind: str) -> None:
    """`flowrig plugin check` says so."""
    (card,) = new.json("plugin", "check", OURS[kind], "--at-least", "gold")
    assert (card["kind"], card["name"], card["level"]) == (kind, OURS[kind], "gold")


@pytest.mark.slow
def test_a_run_goes_through_all_of_them(new: Lab, profile: Path) -> None:
    """Pumps, heater, spectrometers, optimizer, surrogate and analysis of a sound profile."""
    done = new.flowrig("run", profile, "--simulate", "--out", new.folder / "ours")
    assert done.returncode == 0, done.stdout + done.stderr
    summary = new.json("report", new.folder / "ours")
    assert (summary["state"], summary["experiments"]) == ("finished", 7)
    assert summary["expected_best"] is not None
    assert 300 < summary["best"]["features"]["centre"] < 700
    journal = Journal(new.folder / "ours" / FILE_NAME, read_only=True)
    devices = next(journal.events(Opened)).data.devices.values()
    named = {OURS[kind].replace("-", " ").title() for kind in KINDS if kind not in MODELS}
    assert {who.vendor for who in devices} == named
    versions = next(journal.events(RunStarted)).data.versions
    used = {f"flowrig-{name}" for kind, name in OURS.items() if kind != "paper"}
    assert used <= set(versions)
    journal.close()


@pytest.mark.slow
def test_a_paper_is_run_and_drawn(new: Lab) -> None:
    """`flowrig gallery` runs it, draws its figure, and says that it agrees."""
    out = new.folder / "drawn"
    (paper,) = new.json("gallery", OURS["paper"], "--out", out)["papers"]
    assert (paper["name"], paper["runs"][0]["experiments"]) == (OURS["paper"], 3)
    assert paper["differing"] == []
    assert (out / f"{OURS['paper']}.html").exists()
