"""Production: fractions that are watched, kept or refused, in flows that are kept between looks."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from other_devices import plugins_with_kit
from quick_rig import LHS, killed, ran, resumed, write
from watched_rig import plugins_with

from flowrig.campaign.campaign_journal import CampaignJournal
from flowrig.interfaces.study import Fraction, Point, StudyPoint
from flowrig.journal.events import FractionMade, Intent, Measured
from flowrig.journal.journal import FILE_NAME, AnyEvent, Journal
from flowrig.operator.requests import OperatorRequests, Request
from flowrig.planning.plan import plan_campaign
from flowrig.plugins import DriverOffer, hookimpl
from flowrig.profile import ProfileError, load_profile
from flowrig.profile.controls.studies import new_study, study_rig
from flowrig.report import content_of, render
from flowrig.run.options import ResumeOptions
from flowrig.run.start import RunOutcome, resume_run
from flowrig.run_record.reader import RunRecord
from flowrig.run_record.scorecard import scorecard_of
from flowrig.testing import StudyBench
from flowrig.testing.templates.flowrig_template.collector import TemplateCollector
from flowrig.testing.templates.flowrig_template.collector_settings import TemplateSettings
from flowrig_studies.production import Production
from flowrig_studies.production_settings import ProductionSettings, vials_of

TEMPLATE = "flowrig.testing.templates.flowrig_template"
RSD = {"pla": 0.042, "a300": 0.031}
HOURS_8 = 8 * 3600.0

Value = Callable[[str, float], float]


def made(settings: ProductionSettings, value: Value, seed: int = 1) -> tuple[Any, list[StudyPoint]]:
    """A production with looks at invented values.

    Args:
        settings: of the study.
        value: mean of a feature after so many hours.
        seed: of the scatter, that of the published rig.
    """
    rng = np.random.default_rng(seed)
    rig = attrs.evolve(StudyBench(Production, settings).rig(), rsd=RSD, frames_s=20.0)
    study, points, time_s = Production(rig, settings), list[StudyPoint](), 0.0
    while len(points) < study.most_points() and (asked := study.next_points(points)):
        (one,) = asked
        time_s += 600.0 if one.after_s is None else one.after_s
        features = {
            name: value(name, time_s / 3600.0) * (1.0 + sd * float(rng.standard_normal()))
            for name, sd in RSD.items()
        }
        number = len(points) + 1
        points.append(StudyPoint(number=number, point=one, features=features, ended_s=time_s))
    return study, points


def reasons(points: Sequence[StudyPoint], word: str) -> list[float]:
    """Hours at which the reason of a look has a word."""
    return [one.ended_s / 3600.0 for one in points if word in one.point.reason]


@pytest.mark.parametrize("seeds", [1, pytest.param(100, marks=pytest.mark.slow)])
def test_nothing_healthy_is_refused(seeds: int) -> None:
    """Eight hours, a look every five minutes, with the scatter of the published rig."""
    settings = ProductionSettings(duration_s=HOURS_8, look_every_s=300.0)
    for seed in range(seeds):
        study, points = made(settings, lambda name, h: 1.0, seed)
        assert all(one.kept for one in study.fractions(points)), seed
        assert not reasons(points, "to the waste"), seed


@pytest.mark.slow
def test_a_fading_lamp_and_a_weak_pump_are_told_before_they_cost_five_per_cent() -> None:
    """One per cent an hour of emission, five per cent of absorbance over eight hours."""
    fade = {"pla": 0.01, "a300": 0.05 / 8.0}
    settings = ProductionSettings(duration_s=HOURS_8, look_every_s=120.0)
    told = []
    for seed in range(3):
        _, points = made(settings, lambda name, h: 1.0 - fade[name] * h, seed)
        told.append(min(reasons(points, "drifts by"), default=np.inf))
    assert np.median(told) < 5.0
    assert max(told) < 6.0


def test_a_product_that_leaves_its_limits_goes_to_the_waste_until_it_is_back() -> None:
    """Both looks around a fraction are inside, or it is refused."""
    settings = ProductionSettings(duration_s=2 * 3600.0, look_every_s=60.0)
    study, points = made(settings, lambda name, h: 0.6 if 0.5 < h < 0.8 else 1.0)
    wasted = reasons(points, "to the waste")
    assert 0.5 < min(wasted) < 0.6
    assert 0.8 < max(wasted) < 1.0
    fractions = study.fractions(points)
    refused = [one for one in fractions if not one.kept]
    assert 1 <= len(refused) <= 4
    assert "off its first looks" in refused[0].reason
    kept_ul = sum(one.volume_ul for one in fractions if one.kept)
    assert kept_ul == pytest.approx(2 * 60 * study.rig.product_ul_min(study.rig.middle), rel=0.01)


def test_it_can_end_there() -> None:
    """Two looks in a row outside; the next stage may choose anew."""
    settings = ProductionSettings(duration_s=HOURS_8, look_every_s=60.0, outside="end")
    _, points = made(settings, lambda name, h: 0.6 if h > 1.0 else 1.0)
    assert 1.0 < points[-1].ended_s / 3600.0 < 1.2


def test_a_flow_ends_before_its_syringes_are_empty() -> None:
    """A new one begins with its way to the steady state, which is no product."""
    settings = ProductionSettings(duration_s=2 * 3600.0, look_every_s=60.0)
    study, points = made(settings, lambda name, h: 1.0)
    begun = [place for place, one in enumerate(points) if not one.point.continues]
    longest_s = max(b - a for a, b in zip(begun, [*begun[1:], len(points)], strict=True)) * 60.0
    assert len(begun) > 2
    assert longest_s < study.rig.longest_flow_s({})
    assert len(points) - len(begun) == 120


def test_vials_are_filled_one_after_the_other() -> None:
    """Each has its volume; one that holds refused liquid gets nothing more."""
    settings = ProductionSettings(
        volume_ml=8.0, look_every_s=300.0, collector="collector", vials=("vial-1", "vial-2"),
        each_ml=4.0,
    )  # fmt: skip
    study, points = made(settings, lambda name, h: 1.0)
    first, second = study.fractions(points)
    assert (first.told[0], second.told[0]) == ("in vial-1", "in vial-2")
    assert first.volume_ul == second.volume_ul == pytest.approx(4000.0, rel=0.01)
    assert {str(one.point.values.get("collector")) for one in points} == {
        "None",
        "vial-1",
        "vial-2",
    }


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ('volume = "2 mL"\nduration = "1 h"', "both say how much"),
        ('volume = "0 mL"', "not above 0"),
        ('keep = { plx = "±10 %" }', "no feature"),
        ('keep = { pla = "±10 nm" }', "expected limits such as"),
        ('keep = { pla = "ten" }', "expected limits such as"),
        ('collector = "plate"\nvials = ["a"]\neach = "1 mL"', "turns to no positions"),
        ('vials = ["a"]', "belong to a `collector`"),
    ],
)
def test_settings_that_do_not_fit_are_refused(tmp_path: Path, settings: str, told: str) -> None:
    """With the key and what would fit."""
    path = write(tmp_path, f'[[campaign.stages]]\nstudy = "production"\n{settings}\n')
    with pytest.raises(ProfileError, match=told):
        load_profile(path, plugins_with_kit())


PRODUCTION = """
[[campaign.stages]]
study = "production"
at = "middle"
volume = "0.6 mL"
look_every = "10 s"
"""


@pytest.fixture(scope="module")
def produced(tmp_path_factory: pytest.TempPathFactory) -> RunOutcome:
    outcome, _ = ran(tmp_path_factory.mktemp("production"), LHS + PRODUCTION)
    assert outcome.state == "finished", outcome.reason
    return outcome


def fractions(outcome: RunOutcome) -> list[FractionMade]:
    """The fractions in the journal of a run."""
    with outcome.record() as record:
        return [one.data for one in record.journal.events(FractionMade)]


def starts(outcome: RunOutcome) -> int:
    with outcome.record() as record:
        intents = record.journal.events(Intent)
        return sum(one.data.command == "start" for one in intents if one.data.flow_rates_ul_min)


def test_one_flow_makes_it_and_the_plan_knew(produced: RunOutcome) -> None:
    """Time within 3 %, volumes within 1 %, although every look was asked for by itself."""
    with produced.record() as record:
        plan = plan_campaign(record.profile, seed=record.seed)
        times, left_ul = scorecard_of(record).time, record.ledger().left_ul
        (study,) = record.summary()["studies"]
        points = [one for one in record.decisions() if one.stage == "production"]
    assert sum(not one.continues for one in points) == 1
    assert plan.time_s == pytest.approx(times.total_s - times.seconds["hold"], rel=0.03)
    for name, stream in record.profile.streams.items():
        spent_ul = stream.capacity_ul - left_ul[name]
        assert plan.volumes_ul[name] == pytest.approx(spent_ul, rel=0.01), name
    texts = [one["text"] for one in study["findings"]]
    assert texts[0].startswith("0.6")
    assert texts[-1].startswith("fraction ")
    assert [one.number for one in fractions(produced)] == [*range(1, len(points))]


def test_looks_come_at_the_interval_that_is_told(produced: RunOutcome) -> None:
    """Frames begin every 10 s: the dark frames between two looks count in that time."""
    with produced.record() as record:
        looks = [one for one in record.experiments() if one.decision.stage == "production"]
        assert record.profile.analysis.dark_frames > 0
        assert record.profile.analysis.shuttered
    flowing_s = [one.flowing_s for one in looks if one.flowing_s is not None]
    assert len(flowing_s) == len(looks)
    assert np.diff(flowing_s) == pytest.approx(10.0)


def test_the_page_has_a_table_of_fractions(produced: RunOutcome) -> None:
    with produced.record() as record:
        page = render(content_of(record))
    assert "<th>fraction</th>" in page


@pytest.mark.slow
@pytest.mark.parametrize("share", [place / 12 for place in range(1, 12)])
def test_a_kill_writes_no_fraction_twice(
    produced: RunOutcome, tmp_path: Path, share: float
) -> None:
    """At any event; what the journal holds then is what the summary says."""
    folder = killed(produced, tmp_path / "run", share)
    resumed(folder)
    with RunRecord(folder, plugins_with()) as record:
        found = [one.data for one in record.journal.events(FractionMade)]
        told = record.summary()["studies"][0]["fractions"]
    assert [one.number for one in found] == list(range(1, len(found) + 1))
    assert [(one.volume_ul, one.kept, one.reason, dict(one.mean)) for one in found] == [
        (one["volume_ul"], one["kept"], one["reason"], one["mean"]) for one in told
    ]
    assert sum(one.volume_ul for one in found if one.kept) >= 600.0


def test_a_fraction_without_a_value_is_written_and_read(tmp_path: Path) -> None:
    """A look without a value leaves mean and scatter of its fraction without one."""
    profile = load_profile(write(tmp_path, PRODUCTION), plugins_with())
    nothing = {"pla": np.nan}
    one = Fraction(
        number=1, experiments=(1, 2), started_s=1.0, ended_s=2.0, volume_ul=5.0, mean=nothing,
        sd=nothing, kept=False,
    )  # fmt: skip
    with Journal.create(tmp_path / FILE_NAME) as journal:
        CampaignJournal(journal, profile, lambda: 3.0).fraction_made("make", one)
        (event,) = journal.events(FractionMade)
    assert (event.data.mean, event.data.sd, event.data.kept) == (
        {"pla": None},
        {"pla": None},
        False,
    )


def test_a_production_that_was_stopped_goes_on_with_a_new_flow(tmp_path: Path) -> None:
    """What flowed on the way to the interrupted look is in no fraction."""
    requests = OperatorRequests()

    def listen(event: AnyEvent) -> None:
        if isinstance(event.data, Measured) and event.data.index == 4:
            requests.ask(Request.STOP, "program")

    outcome, _ = ran(tmp_path, PRODUCTION, requests=requests, listeners=[listen])
    assert outcome.state == "stopped"
    assert resume_run(outcome.folder, ResumeOptions(plugins=plugins_with())).state == "finished"
    with outcome.record() as record:
        (study,) = record.summary()["studies"]
        interrupted = [one.index for one in record.experiments() if one.interrupted]
    kept = {one["name"]: one["value"] for one in study["findings"]}["kept"]
    assert len(interrupted) <= 1
    written = fractions(outcome)
    assert [one.number for one in written] == [*range(1, len(written) + 1)]
    assert sum(one.volume_ul for one in written if one.kept) == pytest.approx(kept * 1000)
    assert 0.6 <= kept < 0.7


class Collectors:
    """A collector on the driver that `flowrig plugin new` writes."""

    @hookimpl
    def flowrig_drivers(self) -> Sequence[DriverOffer]:
        return [
            DriverOffer(
                kind="collector",
                name="kit-collector",
                target=f"{TEMPLATE}.collector:TemplateCollector",
                settings=TemplateSettings,
                emulator=f"{TEMPLATE}.collector_emulator:TemplateEmulator",
            )
        ]


TUBES = """
[devices.tubes]
driver = "kit-collector"
address = "COM31"
safe = "drain"
positions = { drain = 1, first = 2, second = 3, third = 4 }
[[campaign.stages]]
study = "production"
at = "middle"
volume = "0.6 mL"
look_every = "10 s"
collector = "tubes"
vials = ["first", "second", "third"]
each = "0.3 mL"
"""


def turned(outcome: RunOutcome) -> list[str]:
    """Where the collector was turned to, in order."""
    with outcome.record() as record:
        found = (one.data.positions or {} for one in record.journal.events(Intent))
        return [str(one["tubes"]) for one in found if "tubes" in one]


def test_a_collector_stands_at_its_drain_where_nothing_is_collected(tmp_path: Path) -> None:
    """At first, during a hold, and at the end; a vial takes nothing but its fraction."""
    requests = OperatorRequests()

    def listen(event: AnyEvent) -> None:
        if isinstance(event.data, Measured) and event.data.index == 3:
            requests.ask(Request.PAUSE, "program")
        if event.kind == "hold":
            requests.ask(Request.GO_ON, "program")

    plugins = plugins_with_kit(collectors=Collectors())
    options = {"plugins": plugins, "requests": requests, "listeners": [listen]}
    outcome, _ = ran(tmp_path, TUBES, **options)
    assert outcome.state == "finished", outcome.reason
    places = turned(outcome)
    assert places[-1] == "drain"
    assert [one for one in places if one != "drain"] == ["first", "second", "third"]
    assert "drain" in places[places.index("first") : places.index("third")]  # the hold


def test_the_time_of_a_turn_counts_in_the_interval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A collector that needs two seconds to turn makes no look later."""
    select = TemplateCollector._do_select

    def slowly(collector: TemplateCollector, position: str) -> None:
        collector.clock.sleep(2.0)
        select(collector, position)

    monkeypatch.setattr(TemplateCollector, "_do_select", slowly)
    outcome, _ = ran(tmp_path, TUBES, plugins=plugins_with_kit(collectors=Collectors()))
    assert outcome.state == "finished", outcome.reason
    with outcome.record() as record:
        looks = [one for one in record.experiments() if one.decision.stage == "production"]
    flowing_s = np.array([one.flowing_s for one in looks], dtype=float)
    assert np.diff(flowing_s) == pytest.approx(10.0)
    assert len(turned(outcome)) > 3


def test_a_point_that_another_study_cannot_mean_is_refused(tmp_path: Path) -> None:
    """Positions exist, and only liquid that flows already is diverted."""
    from flowrig.errors import PluginError
    from flowrig.profile.controls.studies import require_points

    rig = StudyBench(Production, ProductionSettings()).rig()
    middle = dict(rig.middle)
    first = Point(conditions=middle, keeps_s=60.0)
    again = Point(conditions=middle, continues=True, after_s=30.0, values={"collector": "vial-9"})
    with pytest.raises(PluginError, match="'vial-9'"):
        require_points([first, again], rig, 5)
    with pytest.raises(PluginError, match="does not continue"):
        require_points([attrs.evolve(first, values={"collector": "vial-1"})], rig, 5)


RACK = """
[devices.tubes]
driver = "kit-collector"
address = "COM31"
safe = "drain"
positions = { drain = 1, tube = [2, 4] }
[path]
cell_pl = { to = "diverter" }
diverter = { kind = "valve", collector = "tubes", to = { drain = "waste", tube = "rack" } }
rack = { kind = "vessel", volume = "4 mL", count = COUNT }
[[campaign.stages]]
study = "production"
at = "middle"
volume = "0.6 mL"
look_every = "10 s"
collector = "tubes"
vials = ["tube"]
each = "EACH"
"""


def rack(folder: Path, count: int, each: str) -> Production:
    text = RACK.replace("COUNT", str(count)).replace("EACH", each)
    profile = load_profile(write(folder, text), plugins_with_kit(collectors=Collectors()))
    assert profile.path["rack"].capacity_ul == pytest.approx(4000.0 * count)
    assert profile.campaign is not None
    (stage,) = profile.campaign.stages
    study = new_study(stage, study_rig(profile))
    assert isinstance(study, Production)
    return study


def test_a_range_of_a_collector_is_its_numbered_vials(tmp_path: Path) -> None:
    """Which hold what their vessel says, of which there are so many."""
    study = rack(tmp_path, 3, "0.3 mL")
    assert vials_of(study.settings, study.rig) == ("tube_1", "tube_2", "tube_3")
    with pytest.raises(ProfileError, match=r"`each` is 5 mL; tube_1 holds 4 mL"):
        rack(tmp_path, 3, "5 mL")
    with pytest.raises(ProfileError, match=r"3 positions lead to 'rack'"):
        rack(tmp_path, 4, "0.3 mL")
