"""Studies of a third party that fail, or answer with something else: named, and the run is safe."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
from quick_rig import write
from watched_rig import plugins_with, run_watched

from flowrig.errors import PluginError
from flowrig.interfaces.study import (
    Findings,
    Fraction,
    Point,
    Study,
    StudyPoint,
    StudyRig,
    StudySettings,
)
from flowrig.journal.events import FractionMade, SymptomFound
from flowrig.plugins import Offer, hookimpl
from flowrig.profile import ProfileError, read_profile
from flowrig.profile.controls.studies import require_fractions, require_points
from flowrig.testing.study import StudyBench

MADE = Fraction(
    number=1,
    experiments=(1,),
    started_s=0.0,
    ended_s=1.0,
    volume_ul=5.0,
    mean={"pla": 1.0},
    sd={"pla": float("nan")},
    kept=True,
)

STAGE = """
[[campaign.stages]]
name = "odd"
study = "odd"
"""


class Odd(Study):
    """One point, and whatever a test wants."""

    fail: Callable[[str], Any] = lambda what: None

    def most_points(self) -> int:
        return 1

    def next_points(self, points: Sequence[StudyPoint]) -> Sequence[Point]:
        if points:
            return []
        return Odd.fail("points") or [Point(conditions=self.rig.middle)]

    def findings(self, points: Sequence[StudyPoint]) -> Findings:
        return Odd.fail("findings") or Findings()

    def fractions(self, points: Sequence[StudyPoint]) -> Sequence[Fraction]:
        return Odd.fail("fractions") or [MADE][: len(points)]


@attrs.frozen
class OddPlugin:
    """Offers it."""

    settings: type[StudySettings] = StudySettings

    @hookimpl
    def flowrig_studies(self) -> Sequence[Offer]:
        return [Offer(kind="study", name="odd", target=f"{__name__}:Odd", settings=self.settings)]


@attrs.frozen(kw_only=True)
class Mute(StudySettings):
    """They fail where a person is to be asked."""

    def asks(self, rig: StudyRig) -> str:
        raise ZeroDivisionError("no question")


def leaves() -> Any:
    raise SystemExit("the study is over")


@pytest.mark.parametrize(
    ("what", "fails", "said"),
    [
        ("points", lambda: 7, "it asks for 7; expected a list of Points"),
        ("fractions", lambda: 1 / 0, "ZeroDivisionError"),
        ("fractions", leaves, "SystemExit: the study is over"),
        ("fractions", lambda: 7, "its fractions are 7; expected a list"),
        ("findings", lambda: 7, "it returns 7; expected Findings"),
    ],
)
def test_a_study_that_fails_is_named_and_the_run_ends_safe(
    what: str, fails: Callable[[], Any], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stage ends, or has no fractions, or no findings; nothing else is lost."""
    monkeypatch.setattr(Odd, "fail", lambda name: fails() if name == what else None)
    plugins = plugins_with(odd=OddPlugin())
    outcome, _, _ = run_watched(write(tmp_path, STAGE), tmp_path / "run", plugins)
    assert outcome.state == "finished", outcome.reason
    with outcome.record() as record:
        (study,) = record.summary()["studies"] or [{"problem": ""}]
        symptoms = [one.data.text for one in record.journal.events(SymptomFound)]
        made = list(record.journal.events(FractionMade))
        assert len(record.experiments()) == (0 if what == "points" else 1)
    told = [study["problem"]] if what == "findings" else [one for one in symptoms if "odd" in one]
    assert len(told) == 1
    assert said in told[0]
    assert len(made) == (1 if what == "findings" else 0)


def test_a_study_that_cannot_say_what_it_asks_is_named_by_check(tmp_path: Path) -> None:
    plugins = plugins_with(odd=OddPlugin(Mute))
    with pytest.raises(ProfileError, match=r"odd: the study fails: ZeroDivisionError: no question"):
        read_profile(str(write(tmp_path, STAGE)), plugins).load()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"number": "one"}, "fraction 2 has number = 'one'; expected a whole number"),
        ({"volume_ul": float("inf")}, "volume_ul = inf; expected a finite number"),
        ({"mean": {"pla": "high"}}, "expected numbers by name"),
        ({"experiments": 3}, "expected a tuple of whole numbers"),
        ({"kept": 1}, "expected True or False"),
        ({"told": "a drift"}, "expected a tuple of texts"),
    ],
)
def test_an_odd_value_of_a_fraction_is_refused(more: dict[str, Any], said: str) -> None:
    """The journal holds what it is told; a wrong type would come out of it wrong, or not at all."""
    assert require_fractions([MADE]) == [MADE]
    with pytest.raises(PluginError, match=said):
        require_fractions([MADE, attrs.evolve(MADE, **more)])


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"conditions": None}, "conditions = None; expected values by name"),
        ({"after_s": "1 min"}, "after_s = '1 min'; expected a number or None"),
        ({"frames": 2.5}, "frames = 2.5; expected a whole number or None"),
        ({"reason": None}, "reason = None; expected a text"),
        ({"keeps_s": True}, "keeps_s = True; expected a number"),
        ({"is_foreign": "dye"}, "is_foreign = 'dye'; expected True or False"),
        ({"is_stored": 1}, "is_stored = 1; expected True or False"),
    ],
)
def test_an_odd_value_of_a_point_is_refused(more: dict[str, Any], said: str) -> None:
    rig = StudyBench(Odd, StudySettings()).rig()
    with pytest.raises(PluginError, match=said):
        require_points([attrs.evolve(Point(conditions=rig.middle), **more)], rig, 5)
