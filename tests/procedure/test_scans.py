"""Scans: frames at each position of a device, and features over a series."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from watched_rig import WORLD, Watched, run_watched

from flowrig.cli import main
from flowrig.journal.events import EventData, Intent
from flowrig.journal.journal import FILE_NAME, Journal
from flowrig.measurement.scans import OF_SERIES
from flowrig.planning.plan import plan_campaign
from flowrig.plugins import DriverOffer, hookimpl
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile, ProfileError, load_profile_text
from flowrig.report.from_record import content_of
from flowrig.run_record.reader import RunRecord
from flowrig.testing.templates.flowrig_template.stage_settings import TemplateSettings

TEMPLATE = "flowrig.testing.templates.flowrig_template"
POINTS = 40

SYSTEMS = Path(__file__).parents[1] / "profile" / "systems"

SCAN = 'from = "0 mm", to = "40 mm", points = 40'

RIG = f"""
extends = "{(SYSTEMS / "s01.toml").as_posix()}"
unset = ["path.cell_pl", "features", "analysis.repeatability", "campaign"]

[devices.rail]
driver = "kit-stage"
address = "COM40"
safe = "0 mm"

[path]
reactor = {{ spectrometer = "hdx_pl" }}
cell_abs = {{ to = "waste" }}

[calibration]
duration = "10 s"

[steady]
hold = "4 s"

[analysis]
frames = 8
frame_interval = "100 ms"
pick = {{ frames = 2, darkest = ["250 nm", "350 nm"] }}

[analysis.channels.pl]
scan = {{ device = "rail", over = "reactor", {SCAN}, settle = "2 s" }}

[features]
bright = "area(pl, 345 nm, 700 nm)"
half = "0.5 * bright"
a300 = "at(abs, 300 nm)"
pla = "last(bright)"
grown = "last(bright) - first(bright)"
brightness = "mean(bright)"
unevenness = "spread(half) / mean(half)"
darkest = "smallest(area(pl, 345 nm, 700 nm))"

[campaign]
title = "Growth along the reactor"
[[campaign.stages]]
name = "explore"
optimizer = "lhs"
experiments = 1
{WORLD}
"""


class KitStage:
    """The plugin that offers a stage, as `flowrig plugin new` writes one."""

    @hookimpl
    def flowrig_drivers(self) -> Sequence[DriverOffer]:
        return [
            DriverOffer(
                kind="stage",
                name="kit-stage",
                target=f"{TEMPLATE}.stage:TemplateStage",
                settings=TemplateSettings,
                emulator=f"{TEMPLATE}.stage_emulator:TemplateEmulator",
            )
        ]


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    """What is installed, the watched world, and a stage."""
    return Plugins.discover(extra={"stage": KitStage(), "watched": Watched()})


@pytest.fixture(scope="module")
def rig(plugins: Plugins) -> Profile:
    return load_profile_text(RIG, "scan.toml", plugins)


@pytest.fixture(scope="module")
def run(tmp_path_factory: Any, plugins: Plugins) -> Path:
    """The folder of a run with one experiment."""
    folder: Path = tmp_path_factory.mktemp("scan")
    (folder / "scan.toml").write_text(RIG, encoding="utf-8")
    outcome, _, _ = run_watched(folder / "scan.toml", folder / "run", plugins)
    assert outcome.state == "finished", outcome.reason
    return folder / "run"


def events(folder: Path, *kinds: type[EventData]) -> list[Any]:
    """What the journal of a run holds of some kinds."""
    with Journal(folder / FILE_NAME, read_only=True) as journal:
        return [event.data for event in journal.events(*kinds)]


def test_series_are_no_features_and_numbers_of_them_are(rig: Profile) -> None:
    assert list(rig.series) == ["bright", "half"]
    assert list(rig.features) == ["a300", "pla", "grown", "brightness", "unevenness", "darkest"]
    assert rig.features["unevenness"].unit == ""
    assert rig.features["grown"].unit == "counts·nm"
    assert rig.channels_that_count == ("abs", "pl")


@pytest.mark.slow
def test_frames_are_taken_at_each_position_and_kept(run: Path, plugins: Plugins) -> None:
    """The stage goes to every place in order, and the journal has spectra and series by place."""
    told = [
        one.values["rail"] for one in events(run, Intent) if one.values and "rail" in one.values
    ]
    wanted = np.linspace(0.0, 40.0, POINTS)
    # It is at the first one before the lamp reference already.
    assert told[:POINTS] == pytest.approx(wanted.tolist())
    assert set(told[POINTS:]) == {0.0}  # in the safe state
    with RunRecord(run, plugins) as record:
        (experiment,) = record.experiments()
        arrays = record.arrays(1)
    assert arrays["hdx_pl.counts"].shape[0] == 8 * POINTS
    assert (np.diff(arrays["hdx_pl.times_s"]) > 0).all()
    assert arrays["hdx_abs.counts"].shape[0] == 8
    assert arrays["pl.scan"].shape == (POINTS, arrays["pl"].size)
    assert arrays["pl.scan"].mean(axis=0) == pytest.approx(arrays["pl"])
    bright = arrays["bright.series"]
    features = experiment.features
    assert bright.shape == (POINTS,)
    assert arrays["half.series"] == pytest.approx(0.5 * bright)
    assert features["pla"] == pytest.approx(bright[-1])
    assert features["grown"] == pytest.approx(bright[-1] - bright[0])
    assert features["brightness"] == pytest.approx(bright.mean())
    assert features["unevenness"] == pytest.approx(bright.std(ddof=1) / bright.mean())
    assert features["darkest"] == pytest.approx(bright.min())


@pytest.mark.slow
def test_the_emission_grows_along_the_hot_reactor(run: Path, plugins: Plugins) -> None:
    """In the world, the probe sees the liquid where the stage is: older at each place."""
    with RunRecord(run, plugins) as record:
        bright = record.arrays(1)["bright.series"]
    thirds = np.array_split(bright, 3)
    assert thirds[0].mean() < thirds[1].mean() < thirds[2].mean()


@pytest.mark.slow
def test_the_plan_has_the_time_of_the_scan(rig: Profile, run: Path, plugins: Plugins) -> None:
    plan = plan_campaign(rig)
    (explore,) = (part for part in plan.parts if part.name == "explore")
    with RunRecord(run, plugins) as record:
        (experiment,) = record.experiments()
    assert experiment.ended_s == pytest.approx(explore.ends_s, rel=0.05)


@pytest.mark.slow
def test_exports_have_a_row_for_each_position(
    run: Path, tmp_path: Path, plugins: Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Plugins, "discover", classmethod(lambda cls, **more: plugins))
    out = tmp_path / "series.csv"
    done = CliRunner().invoke(main, ["export", str(run), "--format", "series", "--out", str(out)])
    assert done.exit_code == 0, done.output
    head, *rows = out.read_text(encoding="utf-8").splitlines()
    assert head == "feature,unit,experiment,position,position_unit,value"
    assert len(rows) == 2 * POINTS
    name, unit, experiment, position, position_unit, _ = rows[POINTS - 1].split(",")
    assert (name, unit, experiment, position_unit) == ("bright", "counts·nm", "1", "mm")
    assert float(position) == 40.0


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=76), st.data())
def test_functions_of_series(values: list[float], data: st.DataObject) -> None:
    """Values that are lacking are left out, but not of the first and of the last."""
    lacking = data.draw(st.sets(st.integers(0, len(values) - 1), max_size=len(values) - 2))
    series = np.array([np.nan if n in lacking else one for n, one in enumerate(values)])
    known = [one for n, one in enumerate(values) if n not in lacking]
    assert OF_SERIES["mean"](series) == pytest.approx(np.mean(known))
    assert OF_SERIES["spread"](series) == pytest.approx(np.std(known, ddof=1))
    assert OF_SERIES["smallest"](series) == min(known)
    assert np.isnan(OF_SERIES["first"](series)) == (0 in lacking)
    assert np.isnan(OF_SERIES["last"](series)) == (len(values) - 1 in lacking)


WRONG = {
    "no way": (SCAN, 'from = "0 mm", points = 40', "either an array"),
    "two ways": (SCAN, f'{SCAN}, positions = ["0 mm", "2 mm"]', "either an array"),
    "one point": ("points = 40", "points = 1", "the scan has 1 positions"),
    "beyond": ('to = "40 mm"', 'to = "900 mm"', "0 mm to 50 mm"),
    "unknown device": ('device = "rail"', 'device = "rial"', "did you mean 'rail'"),
    "no such place": ('over = "reactor"', 'over = "cooling"', "is not at 'cooling'"),
    "by hand": (
        'driver = "kit-stage"\naddress = "COM40"\nsafe = "0 mm"',
        'driver = "by-hand-stage"\nlimits = [0, 50]\nsafe = "any"',
        "a person works it",
    ),
    "a series is the objective": ('pla = "last(bright)"', 'pla = "bright"', "does not yield"),
    "not a spectrum": ('"mean(bright)"', '"mean(area(abs, 300 nm, 310 nm))"', "got a number"),
    "time": ('settle = "2 s"', 'settle = "-2 s"', "0 s or more"),
    "another channel": (
        "[features]",
        '[analysis.channels.pl_2]\nuse = "emission"\ndevice = "hdx_pl"\n[features]',
        "has another scan, or none",
    ),
    "stationary": (
        "[features]",
        '[residence_time.stationary]\nfeatures = ["a300"]\n[features]',
        "does not go with",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_check_refuses_scans_that_cannot_be(wrong: str, plugins: Plugins) -> None:
    before, after, message = WRONG[wrong]
    assert before in RIG
    with pytest.raises(ProfileError) as caught:
        load_profile_text(RIG.replace(before, after, 1), "scan.toml", plugins)
    assert message in str(caught.value)


@pytest.mark.slow
def test_the_report_shows_the_scanned_channel(run: Path, plugins: Plugins) -> None:
    """The frames that count are those of each position."""
    with RunRecord(run, plugins) as record:
        shown = content_of(record).spectra
    assert len(shown["pl"].frames) == 2 * POINTS
