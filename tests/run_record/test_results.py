"""The account of results that come later, and the ways on which they come into a journal."""

import math
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from flowrig.cli.terminal.experiment_table import objective_text
from flowrig.errors import InputError
from flowrig.journal.events import Event, ResultEntered
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile, ProfileError, load_profile, load_profile_text
from flowrig.profile.model.off_line import Given
from flowrig.profile.quantity import QuantityError
from flowrig.report.quantities import shown_feature, shown_objective
from flowrig.run_record.experiment import Decision, Experiment, journalled_objective
from flowrig.run_record.off_line.fold import with_results
from flowrig.run_record.off_line.names import unbounded, values_of
from flowrig.run_record.off_line.table import ResultRow, rows_of

UNITS = {"sphere.plqy": "%", "sphere.peak": "nm", "sphere.fwhm": "nm"}


PLUGINS = Plugins.discover()


@pytest.fixture(scope="module")
def profile() -> Profile:
    """A rig without a spectrometer, whose objective is an off-line result."""
    return load_profile("cspbbr3-larp-published", PLUGINS)


def measured(quality: str = "good") -> Experiment:
    decision = Decision(
        index=3,
        stage="grid",
        conditions={"Toluene": 50000.0, "Precursor": 500.0},
        mean={},
        sd={},
        objective_mean=None,
        objective_sd=None,
        reason="",
    )
    return Experiment(
        decision=decision,
        features={"plqy": math.nan, "peak_nm": math.nan, "fwhm_nm": math.nan},
        objective=math.nan,
        quality=quality,
        flags=(),
        started_s=0.0,
        ended_s=10.0,
        sequence=7,
    )


def entered(sequence: int, values: dict[str, float], lost: str = "") -> Event[ResultEntered]:
    data = ResultEntered(
        entry=f"{sequence}",
        index=3,
        values=values,
        units={name: UNITS[name] for name in values},
        by="FS5",
        entered="",
        lost=lost,
    )
    return Event(sequence, 20.0, "", data)


ENTRIES = st.lists(
    st.one_of(
        st.dictionaries(st.sampled_from(sorted(UNITS)), st.floats(0.0, 100.0), min_size=1),
        st.just("lost"),
        st.just("file"),
    ),
    max_size=8,
)


@given(ENTRIES, st.sampled_from(["good", "doubtful", "bad"]))
def test_the_last_entry_for_a_quantity_counts(
    profile: Profile, entries: list[dict[str, float] | str], quality: str
) -> None:
    """Whatever is entered in whatever order: values, wait, objective and quality follow."""
    events = [
        entered(10 + place, one if isinstance(one, dict) else {}, "gone" if one == "lost" else "")
        for place, one in enumerate(entries)
    ]
    found = with_results(profile, measured(quality), events)
    expected: dict[str, float] = {}
    lost: set[str] = set()
    for one in entries:
        if isinstance(one, dict):
            expected |= one
            lost -= one.keys()
        elif one == "lost":
            expected.clear()
            lost |= UNITS.keys()
    assert found.results == expected
    assert len(found.entries) == len(entries)
    has_value, is_lost = "sphere.plqy" in expected, "sphere.plqy" in lost
    assert bool(found.awaits) == (not has_value and not is_lost and quality != "bad")
    if has_value:
        assert found.objective == pytest.approx(expected["sphere.plqy"] / 100.0)
        assert found.features["plqy"] == found.objective
        assert found.quality == quality
    else:
        assert math.isnan(found.objective)
        assert found.quality == ("bad" if is_lost else quality)
    assert found.is_usable == (has_value and quality != "bad")
    assert found.complete_at <= (events[-1].sequence if events else 7)


@given(ENTRIES)
def test_no_entry_moves_an_experiment_back(
    profile: Profile, entries: list[dict[str, float] | str]
) -> None:
    """Optimizers get an experiment in the order in which its objective came to be what it is."""
    events = [entered(10 + n, one) for n, one in enumerate(entries) if isinstance(one, dict)]
    places = [
        with_results(profile, measured(), events[:count]).complete_at
        for count in range(len(events) + 1)
    ]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("plqy=61%", 61.0),
        ("sphere.plqy=61 %", 61.0),
        ("peak_nm=516 nm", 516.0),
        ("sphere.peak=0.516 um", 516.0),
        ("plqy=1e1%", 10.0),
    ],
)
def test_a_result_is_understood(profile: Profile, word: str, value: float) -> None:
    """By quantity, by channel, and by the feature that renames it; in any unit of its kind."""
    (found,) = values_of(profile, [word]).values()
    assert found == pytest.approx(value)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("plqy=0.61", "plqy=0.61%"),
        ("plqy=161%", "expected 0 to 100 %, got"),
        ("plqy=61 nm", "expected a value such as 1 %"),
        ("plqy=bright", "expected a value such as 1 %"),
        ("plqi=61%", "did you mean 'plqy'?"),
        ("plqy", "expected NAME=VALUE"),
        ("peak=500 K", "expected a value such as 1 nm"),
    ],
)
def test_a_wrong_result_is_refused_with_its_fix(profile: Profile, word: str, message: str) -> None:
    """A plain number is no per cent, and nothing is guessed."""
    with pytest.raises(InputError, match=message.replace("?", "\\?").replace("%", "%")):
        values_of(profile, [word])


def test_a_name_of_several_channels_is_ambiguous(profile: Profile) -> None:
    """It is written with its channel."""
    other = evolve(profile.analysis.off_line["sphere"], name="aged")
    both = {**profile.analysis.off_line, "aged": other}
    twice = evolve(profile, analysis=evolve(profile.analysis, off_line=both), feature_texts={})
    with pytest.raises(InputError, match=r"sphere\.plqy or aged\.plqy"):
        values_of(twice, ["plqy=61%"])


def test_a_table_of_results(tmp_path: Path) -> None:
    """A row is an experiment; units stand in the head, and empty cells are left out."""
    path = tmp_path / "results.csv"
    path.write_text("experiment,plqy [%],peak (nm),by\n3,61,516,FS5\n\n4,,517,\n5,,,\n", "utf-8")
    assert rows_of(path, "me") == [
        ResultRow(f"{path}: line 2", 3, ("plqy=61%", "peak=516nm"), "FS5"),
        ResultRow(f"{path}: line 4", 4, ("peak=517nm",), "me"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("plqy [%]\n61\n", "line 1: expected a head"),
        ("experiment,plqy [%]\nthree,61\n", "line 2: expected the number"),
        ("experiment,plqy [%]\n3\n", "line 2: 1 cells"),
        ("", "line 1"),
        ("experiment,plqy\n", "no result"),
    ],
)
def test_a_wrong_table_names_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "results.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        rows_of(path)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("[analysis.channels.xrd]\nuse = 'off-line'\n", "missing key 'gives'"),
        ("[analysis.channels.xrd]\nuse = 'off-line'\ngives = {}\n", "gives nothing"),
        ("[analysis.channels.xrd]\nuse = 'off-line'\ngives = { a = 1 }\n", "got 1"),
        ("[analysis.channels.xrd]\nuse = 'off-line'\ngives = { a = '%' }\nfoo = 1\n", "'foo'"),
        ("[analysis.channels.y]\nuse = 'off-line'\ngives = { 'a b' = '%' }\n", "got 'a b'"),
        ("[analysis.channels.pump_toluene]\nuse = 'off-line'\ngives = { a = '%' }\n", "a device"),
        ("[analysis.channels.xrd]\nuse = 'off-line'\ngives = { a = { range = ['1'] } }\n", "unit"),
        ("[analysis.channels.sphere.gives.plqy]\nrange = ['9 %', '1 %']\n", "no width"),
        ("[analysis.channels.sphere.gives.plqy]\nrange = ['9 nm', '1 %']\n", "'9 nm'|\"9 nm\""),
        ("[analysis.channels.sphere]\nwithin = '-1 h'\n", "got -3600 s"),
        ("[analysis.channels.sphere]\nfiles = 'cd/a.csv'\n", "got 'cd/a.csv'"),
        ("[analysis.channels.sphere]\nfiles = '*/a_{experiment}.csv'\n", "got '\\*/a_"),
        ("[analysis.off_line.xrd]\nfoo = 1\n", "unknown key 'off_line'"),
        ("[features]\nodd = 'sphere.plqy + sphere.peak'\n", "plain number"),
        ("[campaign]\npending = 0\n", "got 0"),
        ("[objective]\nresponse = 'sphere'\n", "needs the feature 'sphere'"),
        (
            "[residence_time.stationary]\nfeatures = ['plqy']\nframes = 3\n",
            "'plqy' waits for an off-line result",
        ),
    ],
)
def test_a_wrong_channel_is_found_before_a_run(more: str, message: str) -> None:
    """Each mistake has its place in the profile and its fix."""
    text = f'extends = "cspbbr3-larp-published"\n{more}'
    with pytest.raises(ProfileError, match=message):
        load_profile_text(text, "mine.toml", PLUGINS)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("[campaign]\npending = 4\n", "waits for no off-line result"),
        ("[features]\nboth = 'sphere.plqy * at(abs, 300 nm)'\n", "mixes an off-line result"),
        ("[features]\nboth = 'sphere.plqy * pla'\n", ""),
    ],
)
def test_an_off_line_channel_beside_spectra(more: str, message: str) -> None:
    """It mixes with what spectra show by the names of features."""
    text = (
        'extends = "cspbbr3-larp"\n[analysis.channels.sphere]\nuse = "off-line"\n'
        'gives = { plqy = "%" }\n'
    )
    if message:
        with pytest.raises(ProfileError, match=message):
            load_profile_text(text + more, "mine.toml", PLUGINS)
    else:
        later = load_profile_text(text + more, "mine.toml", PLUGINS).later_features
        assert later == {"both": ("sphere.plqy",)}


def test_an_objective_that_is_entered_in_percent_is_shown_in_percent(profile: Profile) -> None:
    """In the live table, its last line, the report and scorecards alike."""
    of_runs = journalled_objective(profile.objective, profile.percent_features)
    assert objective_text(0.5859, of_runs) == "58.6%"
    shown = shown_objective(profile.objective, profile.labels, profile.percent_features)
    assert (shown.unit, shown.factor) == ("%", 100.0)
    assert shown_feature("plqy", "", {}, profile.percent_features).text(0.5859).startswith("58.6")
    assert shown_feature("peak_nm", "nm", {}, profile.percent_features).factor == 1.0
    assert profile.percent_features == {"plqy"}
    reference = load_profile("cs3cu2i5-heatup-chem3", PLUGINS)
    assert not reference.percent_features


@pytest.mark.parametrize(
    ("unit", "refused", "taken"),
    [
        ("%", ("-3%", "610%", "6.1e3 %"), ("0%", "61%", "100%")),
        ("nm", ("-3nm", "-1um"), ("0nm", "516nm", "0.5um")),
        ("uL", ("-1uL",), ("12uL", "1 mL")),
        ("counts·nm", ("-1 counts·nm",), ("7 counts·nm",)),
        ("mg/mL", ("-1mg/mL",), ("3mg/mL",)),
        ("degC", (), ("-40degC", "900degC")),
        ("eV", (), ("-5.4eV",)),
        ("mdeg", (), ("-12mdeg",)),
        ("", (), ("-3", "61")),
    ],
)
def test_the_unit_says_what_a_result_can_be(
    unit: str, refused: tuple[str, ...], taken: tuple[str, ...]
) -> None:
    """Where the profile gives no range; the message says that it may give one."""
    quantity = Given(unit=unit)
    for text in refused:
        with pytest.raises(QuantityError) as caught:
            quantity.value(text)
        assert "as the profile gives no other `range`" in caught.value.expected
    for text in taken:
        assert math.isfinite(quantity.value(text))
    assert Given(unit=unit, low=-7e6, high=7e6).value(refused[0] if refused else taken[0])


def test_what_has_no_range_is_told() -> None:
    """A unit that profiles do not know bounds nothing; `flowrig result` says so."""
    profile = load_profile("slow-analyzer", PLUGINS)
    given = {
        f"{channel}.{name}": one.unit
        for channel, off_line in profile.analysis.off_line.items()
        for name, one in off_line.gives.items()
    }
    assert set(given.values()) == {"mdeg", "%"}
    assert {name for name in given if unbounded(profile, name)} == {
        name for name, unit in given.items() if unit == "mdeg"
    }
