"""Channels of analysis: rules of profiles, analyses of plugins, features of expressions."""

import inspect
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from attrs import frozen
from one_spectrometer import ABSORBANCE, EMISSION
from other_devices import RIG, plugins_with_kit

from flowrig.errors import InputError
from flowrig.interfaces import Analysis, Frames, Looked, Quality
from flowrig.measurement.evaluate import evaluate
from flowrig.measurement.features import extract_features
from flowrig.measurement.light_reference import LightCalibration
from flowrig.measurement.observation import Observation
from flowrig.measurement.sample import Features, Sample
from flowrig.plugins import AnalysisOffer, hookimpl
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile, ProfileError, load_profile_text
from flowrig.profile.rules.analysis import RESERVED, require_pixels
from flowrig.report.exports import table
from flowrig.run.preflight import refusals

NM = np.linspace(195.0, 1100.0, 400)


@frozen(kw_only=True)
class Nothing:
    """No settings."""


class Peculiar(Analysis):
    """An analysis whose results a test sets."""

    result: object = None

    def __init__(self, settings: Nothing) -> None:
        pass

    def reduce(self, frames, axis, dark, light):  # type: ignore[no-untyped-def]
        """What the test wants; an exception is raised."""
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def test_reserved_names_are_the_columns_of_an_export() -> None:
    """A feature of such a name would be a second column of it."""
    source = inspect.getsource(table.experiment_columns)
    assert set(re.findall(r'Column\(\s*"(\w+)"', source)) == set(RESERVED)


class OfOnesOwn:
    """A plugin with one analysis."""

    @hookimpl
    def flowrig_analyses(self) -> Sequence[AnalysisOffer]:
        """The analysis of this module."""
        return [
            AnalysisOffer(
                kind="analysis",
                name="peculiar",
                target=f"{__name__}:Peculiar",
                settings=Nothing,
                unit="mdeg",
                quantities={"gap": "nm", "sign": ""},
            )
        ]


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    """The installed plugins and one of one's own."""
    return Plugins.discover(extra={"mine": OfOnesOwn()})


OWN = (
    EMISSION.replace('use = "emission"\n', 'use = "peculiar"\n')
    .replace('baseline = ["800 nm", "1000 nm"]\n', "")
    .replace("bright = ", 'gap = "2 * pl.gap"\nbright = ')
)


NO_LAMP = ABSORBANCE.replace('[calibration]\nduration = "20 s"\n', "").replace(
    '"devices.hdx_pl"', '"devices.hdx_pl", "calibration"'
)


@pytest.mark.parametrize(
    ("text", "old", "new", "said"),
    [
        (EMISSION, 'dark = "none"', 'dark = "no"', 'expected one of "shutter", "stored"'),
        (EMISSION, 'dark = "none"', 'dark = "stored"', "a key `stored_dark`"),
        (EMISSION, 'dark = "none"', 'dark = "none"\nstored_dark = [1]', "uses no `stored_dark`"),
        (EMISSION, 'use = "emission"', 'use = "emision"', "did you mean 'emission'?"),
        (EMISSION, 'device = "hdx_pl"', 'device = "plate"', "'plate' is a heater"),
        (EMISSION, "baseline =", "base_line =", "unknown key 'base_line'; did you mean 'baseline'"),
        (EMISSION, '"800 nm", "1000 nm"', '"800 nm", "1300 nm"', "is beyond the detector"),
        (EMISSION, "400 nm, 500 nm", "400 nm, 1500 nm", "is beyond the detector of 'hdx_pl'"),
        (EMISSION, "400 nm, 500 nm", "500 nm, 400 nm", "the window of area() has no width"),
        (EMISSION, "peak(pl,", "peak(lp,", "unknown name 'lp'; expected one of bright, pl"),
        (EMISSION, "area(pl, 345 nm", "area(pl, 345 s", "area takes a length here"),
        (EMISSION, '"bright / ', '"bright + share / ', "it is computed from itself"),
        (EMISSION, 'share = "', 'pl = "', "'pl' is the name of a channel"),
        (EMISSION, 'share = "', 'quality = "', "'quality' is a column of every export"),
        (EMISSION, 'response = "bright"', 'response = "brigth"', "did you mean 'bright'?"),
        (EMISSION, 'share = "', 'temperature = "', "'temperature' is the name of a feature"),
        (EMISSION, "channels.pl]", 'channels."p l"]', "expected letters, digits and underscores"),
        (EMISSION, "channels.pl]", "channels.plate]", "'plate' is the name of a device"),
        (
            EMISSION,
            "[features]",
            "[devices.third]\ndriver = 'ocean-hdx'\naddress = 'usb'\n[features]",
            "nobody reads the spectrometer 'third'",
        ),
        (
            EMISSION,
            "[features]",
            '[[safe_state]]\ndo = "light-off"\nspectrometers = ["hdx_pl"]\n[features]',
            "nothing opens the light of 'hdx_pl' again",
        ),
        (NO_LAMP, "frames = 30", "frames = 31", "expected a table [calibration]"),
        (
            ABSORBANCE,
            "reactive_frames = 5",
            "reactive_frames = 50",
            "got 50; expected no more than `frames`, 30",
        ),
        (ABSORBANCE, '"path.cell_pl"', '"path.cell_pl", "analysis.reactive_window"', "needs `reac"),
        (
            ABSORBANCE,
            'use = "absorbance"',
            'use = "absorbance"\npick = { frames = 50, darkest = ["250 nm", "350 nm"] }',
            "got 50; expected no more than `frames`, 30",
        ),
        (ABSORBANCE, 'use = "abs', 'pick = { frames = 5 }\nuse = "abs', "either `darkest` or"),
        (ABSORBANCE, 'use = "abs', 'pick = "some"\nuse = "abs', '"all", or a table'),
    ],
)
def test_a_channel_that_could_not_work_is_refused(
    text: str, old: str, new: str, said: str, plugins: Plugins
) -> None:
    """Each mistake is found before a run, at its place, with what would be right."""
    assert old in text
    with pytest.raises(ProfileError) as caught:
        load_profile_text(text.replace(old, new), "rig.toml", plugins)
    assert said in str(caught.value)
    assert re.search(r"toml:\d+:\d+: ", str(caught.value))


def test_a_dark_needs_a_shutter(plugins: Plugins) -> None:
    """A light that is not under control cannot be shut; the refusal says what to write."""
    sound = load_profile_text(EMISSION, "rig.toml", plugins)
    assert refusals(sound, plugins) == []
    text = EMISSION.replace('dark = "none"', 'dark = "shutter"')
    (said,) = refusals(load_profile_text(text, "rig.toml", plugins), plugins)
    assert 'dark = "stored" or "none"' in said
    assert "hdx_pl" in said


def test_older_tables_and_channels_go_together(plugins: Plugins) -> None:
    """A profile that extends another adds a channel and features, and keeps the older ones."""
    profile = load_profile_text(
        'extends = "cs3cu2i5-heatup-chem3"\n'
        "[analysis.channels.scatter]\nuse = 'emission'\ndevice = 'hdx_pl'\npick = 'all'\n"
        "[features]\nratio = 'pla / at(scatter, 300 nm)'\nred = 'area(photoluminescence, "
        "600 nm, 700 nm)'\n",
        "rig.toml",
        plugins,
    )
    assert list(profile.analysis.channels) == ["absorbance", "photoluminescence", "scatter"]
    assert profile.analysis.channels["scatter"].picked is None
    assert list(profile.features)[:3] == ["a300", "pli", "pla"]
    units = {name: feature.unit for name, feature in profile.features.items()}
    assert (units["red"], units["peak_ev"]) == ("counts·nm", "eV")


def features_of(profile: Profile, counts: np.ndarray, nm: np.ndarray = NM) -> Features:
    """Features of some frames of the single spectrometer, with its lamp where it has one."""
    samples = {profile.analysis.devices[0]: Sample(frames=frames_of(counts), wavelengths_nm=nm)}
    return extract_features(profile.analysis, samples, profile.features.values())


def some_counts(frames: int = 12) -> np.ndarray:
    """Noise around 1000 counts."""
    return np.random.default_rng(1).normal(1000.0, 5.0, (frames, NM.size)).astype(np.uint16)


def test_an_analysis_of_a_plugin_gives_spectra_and_quantities(
    plugins: Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its axis is its own, its numbers are names in expressions, its flags name the device."""
    profile = load_profile_text(OWN, "rig.toml", plugins)
    axis = np.linspace(300.0, 800.0, 501)
    looked = Looked(axis, np.full(501, 2.0), {"gap": 7.0}, ("it is turbid",))
    monkeypatch.setattr(Peculiar, "result", looked)
    found = features_of(profile, some_counts())
    assert found.values["gap"] == 14.0
    assert found.values["bright"] == pytest.approx(200.0)
    assert profile.features["bright"].unit == "mdeg·nm"
    assert "hdx_pl: it is turbid" in [flag.reason for flag in found.flags]
    assert found.spectra["pl"].has_own_axis


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (ZeroDivisionError("oh"), "ZeroDivisionError: oh"),
        (None, "it returns None; expected a Looked"),
        (Looked(NM, NM[:5]), "it returns 400 places and 5 values"),
        (Looked(NM[::-1].copy(), NM), "its axis does not rise"),
        (Looked(NM, [1.0] * 400), "its values are"),  # type: ignore[arg-type]
    ],
)
def test_an_analysis_that_fails_spoils_the_experiment_alone(
    plugins: Plugins, monkeypatch: pytest.MonkeyPatch, result: object, said: str
) -> None:
    """Features have no value, the quality is bad, and the reason names channel and analysis."""
    profile = load_profile_text(OWN, "rig.toml", plugins)
    monkeypatch.setattr(Peculiar, "result", result)
    found = features_of(profile, some_counts())
    assert np.isnan(list(found.values.values())).all()
    assert found.quality is Quality.BAD
    words = f"pl: the analysis 'peculiar' fails: {said}"
    assert any(flag.reason.startswith(words) for flag in found.flags)


def test_the_brightest_frames_can_count(plugins: Plugins) -> None:
    """A phase that glows is picked by its light."""
    text = EMISSION.replace(
        'dark = "none"', 'dark = "none"\npick = { frames = 3, brightest = ["400 nm", "500 nm"] }'
    )
    profile = load_profile_text(text, "rig.toml", plugins)
    counts = some_counts()
    counts[[2, 5, 9]] += 300
    assert list(features_of(profile, counts).spectra["pl"].frames) == [2, 5, 9]


def test_a_division_by_zero_is_no_value_and_no_fault(plugins: Plugins) -> None:
    """A computed feature without a value spoils an experiment only if the objective needs it."""
    profile = load_profile_text(EMISSION, "rig.toml", plugins)
    found = features_of(profile, np.full((12, NM.size), 1000, dtype=np.uint16) + _steps())
    assert found.values["bright"] == 0.0
    assert np.isnan(found.values["share"])
    assert found.quality is Quality.GOOD


def _steps() -> np.ndarray:
    """A count more in every other frame, so that no two frames are one exposure."""
    return (np.arange(12) % 2).astype(np.uint16)[:, None]


def test_a_rig_with_a_lost_analysis_is_made_safe(tmp_path: Path, plugins: Plugins) -> None:
    """The rig of a run loads without the plugin of its analysis."""
    from flowrig.profile import load_rig_alone, read_profile_text

    bare = Plugins.discover()
    rig = load_rig_alone(read_profile_text(OWN, str(tmp_path / "rig.toml"), bare))
    assert rig.analysis is None
    assert set(rig.devices) >= {"plate", "hdx_pl"}
    with pytest.raises(ProfileError, match="no plugin offers the analysis 'peculiar'"):
        load_profile_text(OWN, "rig.toml", bare)


def test_the_reference_rig_in_channels_gives_the_same_features(plugins: Plugins) -> None:
    """Older tables, and the channels and features that stand for them, agree bit for bit."""
    older = load_profile_text('extends = "cs3cu2i5-heatup-chem3"\n', "older.toml", plugins)
    newer = load_profile_text(IN_CHANNELS, "newer.toml", plugins)
    assert list(newer.features) == list(older.features)
    nm = np.linspace(195.0, 1100.0, 2068)
    rng = np.random.default_rng(7)
    lamp = 1300.0 + 9000.0 * np.exp(-(((nm - 400.0) / 200.0) ** 2))
    counts = rng.normal(lamp * rng.uniform(0.5, 1.0, (200, 1)), 6.0).astype(np.uint16)
    sample = Sample(
        frames=frames_of(counts), wavelengths_nm=nm, dark=np.full_like(nm, 1300.0), lamp=lamp
    )
    samples = dict.fromkeys(older.analysis.devices, sample)
    one, other = (
        extract_features(rig.analysis, samples, rig.features.values()) for rig in (older, newer)
    )
    np.testing.assert_array_equal(list(one.values.values()), list(other.values.values()))
    assert [flag.reason for flag in one.flags] == [flag.reason for flag in other.flags]


IN_CHANNELS = """
extends = "cs3cu2i5-heatup-chem3"
unset = [
    "analysis.absorbance", "analysis.photoluminescence",
    "analysis.reactive_frames", "analysis.reactive_window",
]

[analysis.channels.abs]
use = "absorbance"
device = "hdx_absorbance"
baseline = ["700 nm", "800 nm"]
pick = { frames = 50, darkest = ["250 nm", "350 nm"] }

[analysis.channels.pl]
use = "emission"
device = "hdx_pl"
baseline = ["800 nm", "1000 nm"]
pick = { frames = 50, darkest = ["250 nm", "350 nm"] }

[features]
a300 = "at(abs, 300 nm)"
pli = "at(pl, 446 nm)"
pla = "area(pl, 345 nm, 700 nm)"
peak_nm = "peak(pl, 345 nm, 700 nm)"
peak_ev = "energy(pl, 345 nm, 700 nm)"
fwhm_nm = "fwhm(pl, 345 nm, 700 nm)"
"""


def test_a_stored_dark_is_subtracted(plugins: Plugins) -> None:
    """Every pixel has its own; without a baseline the rest is the emission."""
    stored = np.linspace(100.0, 500.0, NM.size)
    text = EMISSION.replace('baseline = ["800 nm", "1000 nm"]\n', "").replace(
        'dark = "none"', f'dark = "stored"\nstored_dark = {stored.tolist()}'
    )
    counts = some_counts()
    found = features_of(load_profile_text(text, "rig.toml", plugins), counts)
    np.testing.assert_array_equal(found.spectra["pl"].values, counts.mean(axis=0) - stored)
    with pytest.raises(InputError, match=r"stored_dark: it has 400 values, and 'hdx_pl' 2068"):
        require_pixels(load_profile_text(text, "rig.toml", plugins), {"hdx_pl": 2068})


TWO_POINTS = """
extends = "cs3cu2i5-heatup-chem3"
unset = ["analysis.absorbance", "analysis.photoluminescence", "analysis.repeatability"]

[analysis.channels.side]
use = "emission"
device = "hdx_absorbance"

[analysis.channels.pl]
use = "emission"
device = "hdx_pl"

[features]
early = "area(side, 345 nm, 700 nm)"
late = "area(pl, 345 nm, 700 nm)"
{more}

[objective]
name = "maximum"
response = "{response}"
"""


@pytest.mark.parametrize(
    ("response", "more", "quality"),
    [
        ("late", "", Quality.GOOD),
        ("early", "", Quality.DOUBTFUL),
        ("growth", 'growth = "late / both"\nboth = "early + late"', Quality.DOUBTFUL),
    ],
)
def test_doubts_of_a_channel_count_where_the_objective_reads_it(
    plugins: Plugins, response: str, more: str, quality: Quality
) -> None:
    """A saturated spectrometer spoils what is computed from it, and is told in any case."""
    text = TWO_POINTS.format(response=response, more=more)
    profile = load_profile_text(text, "rig.toml", plugins)
    nm = np.linspace(195.0, 1100.0, 400)
    counts = np.random.default_rng(1).normal(3000.0, 5.0, (200, 400)).astype(np.uint16)
    clipped = counts.copy()
    clipped[:, 150:160] = 65535
    frames = {"hdx_absorbance": frames_of(clipped), "hdx_pl": frames_of(counts)}
    dark = np.full(400, 1000.0)
    seen = Observation(dict.fromkeys(frames, dark), frames)
    nm_by = dict.fromkeys(frames, nm)
    measured, features = evaluate(profile, nm_by, LightCalibration({}), seen)
    assert measured.quality is quality
    assert measured.flags == ("hdx_absorbance: 50 of 50 used frames are saturated",)
    assert set(features.spectra) == {"side", "pl"}


def frames_of(counts: np.ndarray) -> Frames:
    """Frames, one every second."""
    return Frames(
        time_s=1.0,
        counts=counts,
        times_s=np.arange(len(counts), dtype=float),
        integration_time_us=8000,
        saturated=counts.max(axis=1) >= 65535,
    )


def test_a_feature_can_use_what_devices_report() -> None:
    """A reading is a number with a unit in expressions; one that is missing gives no value."""
    text = RIG + '\n[features]\nstrain = "pla / (gauge.pressure + 1 bar)"\n'
    profile = load_profile_text(text, "rig.toml", plugins_with_kit())
    assert profile.features["strain"].unit == "counts·nm/kPa"
    nm = np.linspace(195.0, 1100.0, 2068)
    counts = np.random.default_rng(1).normal(3000.0, 5.0, (200, 2068)).astype(np.uint16)
    sample = Sample(frames=frames_of(counts), wavelengths_nm=nm, dark=nm, lamp=3 * nm)
    samples = dict.fromkeys(profile.analysis.devices, sample)
    for reading, divisor in ((3.0, 400.0), (np.nan, np.nan)):
        found = extract_features(
            profile.analysis,
            samples,
            profile.features.values(),
            readings={"gauge.pressure": reading},
        ).values
        np.testing.assert_allclose(found["strain"], found["pla"] / divisor)
