"""Detectors that are no spectrometers: from the profile to records, reports and exports."""

import re
from pathlib import Path

import numpy as np
import pytest
from ion_counter import IonPlugin
from one_spectrometer import SAFE

import flowrig
from flowrig.errors import FlowrigError
from flowrig.plugins.registry import Plugins
from flowrig.procedure.procedures import run_condition
from flowrig.procedure.steps import RequireVolume
from flowrig.profile import Profile, ProfileError, load_profile_text
from flowrig.report import content_of, render
from flowrig.report.exports import table
from flowrig.rig.rig import open_rig

HALF = np.full((1, 5), 0.5)

HEAD = """
extends = "cs3cu2i5-heatup-chem3"
unset = [
    "analysis.absorbance", "analysis.photoluminescence", "analysis.repeatability",
    "analysis.reactive_frames", "analysis.reactive_window", "analysis.dark_frames", "calibration",
    "devices.hdx_absorbance", "devices.hdx_pl", "path.cell_absorbance", "objective", "campaign",
    "safe_state", "path.cell_pl.spectrometer",
]
title = "A detector that is no spectrometer"
residence_time.end = "cell_pl"
residence_time.equilibrium = 1.5
path.cooling.to = "cell_pl"

[simulation]
chemistry = "stand-in"

[analysis]
frames = 4
frame_interval = "100 ms"
"""
TAIL = """
[objective]
name = "maximum"
response = "best"
""" + SAFE.format(light="").replace("experiments = 2", "experiments = 1")

DECAY = (
    HEAD
    + """
[devices.counter]
driver = "scpi-histogram"
address = "192.0.2.21"
begin = "HIST1:FLUS"
query = "HIST1:DATA?"
bins = 200
bin = "500 ps"
integration_time = "2 s"

[path.cell_pl]
tcspc = "counter"

[analysis.channels.decay]
use = "decay"
device = "counter"
exponentials = 2
response = "250 ps"
frames = 3
frame_interval = "0 s"

[features]
best = "decay.lifetime"
tail = "at(decay, 20 ns) / at(decay, 5 ns)"
"""
    + TAIL
)
PHASE = (
    HEAD
    + """
[devices.gates]
driver = "scpi-gates"
address = "192.0.2.22"
query = "MEAS:VOLT? (@101,102)"
places = ["0 mm", "8 mm"]

[path.cell_pl]
phase_sensor = "gates"

[analysis.channels.slugs]
use = "phase"
device = "gates"
frames = 300
frame_interval = "10 ms"

[features]
best = "slugs.slug_length"
velocity = "slugs.velocity"
share = "slugs.reactive_share"
flow = "slugs.velocity * 0.456 mm * 1 mm"
"""
    + TAIL
)
IONS = (
    HEAD
    + """
[devices.ions]
driver = "acme-ions"
address = "COM3"

[path.cell_pl]
ion_counter = "ions"

[analysis.channels.mass]
use = "ions"
device = "ions"

[features]
best = "mass.line"
"""
    + TAIL
)


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return Plugins.discover(extra={"ions": IonPlugin()})


def finished(folder: Path, text: str, plugins: Plugins) -> Path:
    """The folder of a run that has finished."""
    (folder / "rig.toml").write_text(text, encoding="utf-8")
    options = flowrig.RunOptions(folder=folder / "run", simulate=True, seed=3, plugins=plugins)
    outcome = flowrig.start_run(folder / "rig.toml", options)
    assert outcome.state == "finished", outcome.reason
    return folder / "run"


def test_a_decay_is_measured_kept_and_shown(tmp_path: Path, plugins: Plugins) -> None:
    """Raw histograms, the axis, the sum as a spectrum, features, the table and the report."""
    with flowrig.RunRecord(finished(tmp_path, DECAY, plugins), plugins) as record:
        (one,) = record.experiments()
        kept, axis_ns = record.arrays(1), record.axis("counter")
        assert (one.quality, one.flags) == ("good", ())
        assert 0.5 < one.features["best"] < 20.0
        assert kept["counter.counts"].shape == (3, 200)
        np.testing.assert_array_equal(kept["decay"], kept["counter.counts"].sum(axis=0))
        np.testing.assert_allclose(axis_ns[:2], [0.25, 0.75])
        at = np.interp([20.0, 5.0], axis_ns, kept["decay"])
        assert one.features["tail"] == pytest.approx(at[0] / at[1])
        assert record.profile.features["best"].unit == "ns"
        assert np.diff(kept["counter.times_s"]).min() >= 2.0
        page = render(content_of(record))
        assert "Decay of the emission" in page
        assert "time (ns)" in page
        assert any(column.name == "best" for column in table.experiment_columns(record))


def test_slugs_are_followed_through_the_gates(tmp_path: Path, plugins: Plugins) -> None:
    """The velocity times the bore is the flow rate, and the share is that of the streams."""
    with flowrig.RunRecord(finished(tmp_path, PHASE, plugins), plugins) as record:
        (one,) = record.experiments()
        rates = record.profile.flow_rates_ul_min(one.conditions)
        bore_mm = record.profile.path["cell_pl"].inner_diameter_mm
        assert bore_mm is not None
        total = sum(rates.values())
        velocity = total / 60.0 / (np.pi / 4 * bore_mm**2)
        assert one.features["velocity"] == pytest.approx(velocity, rel=0.06)
        assert one.features["share"] == pytest.approx(1.0 - rates["PFO"] / total, abs=0.08)
        assert record.arrays(1)["gates.counts"].shape == (300, 2)
        assert record.arrays(1)["slugs.axis"][-1] == pytest.approx(2.99)
        assert "Passing phases" in render(content_of(record))


def test_a_third_partys_detector_feeds_a_channel(tmp_path: Path, plugins: Plugins) -> None:
    """Kind, driver, body and analysis come from a plugin, and the unit of its axis too."""
    with flowrig.RunRecord(finished(tmp_path, IONS, plugins), plugins) as record:
        (one,) = record.experiments()
        assert one.quality == "good"
        assert one.features["best"] > 100.0
        assert record.profile.devices["ions"].axis_unit == "m/z"
        assert record.arrays(1)["ions.counts"].dtype == np.float64
        assert "place (m/z)" in render(content_of(record))


def load(text: str, plugins: Plugins) -> Profile:
    return load_profile_text(text, "rig.toml", plugins)


@pytest.mark.parametrize(
    ("rig", "old", "new", "said"),
    [
        ("decay", 'use = "decay"\ndevice = "counter"\nexponentials = 2\nresponse = "250 ps"',
         'use = "emission"\ndevice = "counter"', "'counter' takes frames over ns; expected a "),
        ("phase", 'use = "phase"', 'use = "decay"', "'gates' takes frames over mm; expected a det"),
        ("decay", 'tcspc = "counter"', "", "the tcspc 'counter' is at no flow cell"),
        ("decay", 'tcspc = "counter"', 'phase_sensor = "counter"', "'counter' is a tcspc"),
        ("decay", "frames = 3", "frames = 0", "got 0; expected at least 1"),
        ("phase", 'device = "gates"', 'device = "gates"\nwindow = ["400 nm", "500 nm"]',
         "a detector over mm has no wavelengths for `window`"),
        ("decay", 'at(decay, 5 ns)"', 'at(decay, 5 nm)"', 'a constant such as "10 ns"'),
        ("decay", 'at(decay, 5 ns)"', 'peak(decay, 1 ns, 5 ns)"', "takes a spectrum over wavelen"),
        ("decay", 'response = "250 ps"', 'response = "250 ps"\ndark = "shutter"',
         "light source is not under control"),
        ("decay", "bins = 200", "bins = 30",
         "features.tail: 20 ns is beyond the detector of 'counter', which sees 0.25 to 14.75 ns"),
        ("decay", 'frame_interval = "0 s"',
         'frame_interval = "0 s"\n[analysis.channels.again]\nuse = "decay"\ndevice = "counter"\n'
         "frames = 2", "another channel of 'counter' has 3, this one 2"),
        ("decay", "frames = 3", 'frames = 3\npick = { frames = 2, darkest = ["1 nm", "2 nm"] }',
         "frames over ns are not picked by wavelengths"),
        ("decay", "[features]", "[calibration]\nduration = '1 s'\nflow_rates = {}\n[features]",
         "no channel looks at light"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(
    rig: str, old: str, new: str, said: str, plugins: Plugins
) -> None:
    """Before anything is opened; a feature beyond the axis when it is opened."""
    text = {"decay": DECAY, "phase": PHASE}[rig]
    changed = text.replace(old, new, 1)
    assert changed != text
    with (
        pytest.raises(FlowrigError, match=re.escape(said)),
        open_rig(load(changed, plugins), simulate=True),
    ):
        pass


def test_a_spectrometer_can_tell_phases_too(plugins: Plugins) -> None:
    """With a window of wavelengths; without one its pixels would be gates."""
    text = HEAD.replace('"devices.hdx_absorbance", ', "").replace(
        '"path.cell_pl.spectrometer"', '"devices.hdx_absorbance"'
    )
    channel = '[analysis.channels.slugs]\nuse = "phase"\ndevice = "hdx_pl"\n'
    text = text.replace('"devices.hdx_pl", ', "") + channel + 'window = ["290 nm", "320 nm"]\n'
    text += '[features]\nbest = "slugs.reactive_share"\n' + TAIL
    assert load(text, plugins).analysis.channels["slugs"].dark == "none"
    with pytest.raises(ProfileError, match="say with `window` which count"):
        load(text.replace('window = ["290 nm", "320 nm"]\n', ""), plugins)


def test_liquid_is_planned_for_as_long_as_photons_are_counted(plugins: Plugins) -> None:
    """Three frames of two seconds each, one after the other, cost liquid of six seconds."""
    longer = DECAY.replace('integration_time = "2 s"', 'integration_time = "62 s"')
    wanted = []
    for text in (DECAY, longer):
        profile = load(text, plugins)
        conditions = dict(profile.space.rows(profile.space.from_unit(HALF))[0])
        step = next(run_condition(profile, conditions))
        assert isinstance(step, RequireVolume)
        wanted.append(step.volumes_ul["PFO"])
        rate = profile.flow_rates_ul_min(conditions)["PFO"]
    assert wanted[1] - wanted[0] == pytest.approx(3.0 * rate)
