"""The account of the waste: what went in, when it is full, and what a person is told."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from some_events import outcome

from flowrig.cli.terminal.progress import Progress
from flowrig.journal.events import WasteLevel, WasteLevels, WentOn
from flowrig.journal.journal import Event
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile, load_profile
from flowrig.safety.syringes import SyringeLedger

TWO = """\
extends = "cs3cu2i5-heatup-chem3"

[path.waste]
volume = "100 mL"

[path.feed_pfo]
to = "oil_waste"

[path.oil_waste]
kind = "waste"
volume = "50 mL"
"""
"""The carrier has a waste of its own, so that two accounts are kept."""

REACTIVE = ("CuI", "ZnI2", "CsOA", "ODE")


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    """A rig with two wastes."""
    path = tmp_path_factory.mktemp("rig") / "two.toml"
    path.write_text(TWO, encoding="utf-8")
    return load_profile(path, Plugins.discover())


VOLUMES = st.dictionaries(st.sampled_from([*REACTIVE, "PFO"]), st.floats(0.0, 5_000.0), max_size=5)
DEEDS = st.one_of(VOLUMES, st.sampled_from(["waste", "oil_waste"]))


@given(deeds=st.lists(DEEDS, max_size=30))
def test_a_waste_holds_what_was_delivered_since_it_was_emptied(
    rig: Profile, deeds: list[dict[str, float] | str]
) -> None:
    """Of its own streams, in any order; who asks before never brings it above its mark."""
    ledger, expected = SyringeLedger(rig), {"waste": 0.0, "oil_waste": 0.0}
    for deed in deeds:
        if isinstance(deed, str):
            ledger.follow(0.0, WentOn(by="program", emptied=(deed,)))
            expected[deed] = 0.0
        elif not ledger.waste.too_full_for(deed):
            ledger.follow(0.0, outcome(dispensed_ul=deed))
            expected["waste"] += sum(ul for stream, ul in deed.items() if stream != "PFO")
            expected["oil_waste"] += deed.get("PFO", 0.0)
        assert ledger.waste.filled_ul == pytest.approx(expected)
        for name, filled_ul in ledger.waste.filled_ul.items():
            assert filled_ul <= ledger.waste.mark_ul(name) + 1e-6


def test_the_mark_leaves_room_for_the_flush(rig: Profile) -> None:
    """95 %, or less where the safe state flushes more than the rest: 4 mL of each here."""
    waste = SyringeLedger(rig).waste
    assert waste.mark_ul("waste") == pytest.approx(95_000.0)
    assert waste.mark_ul("oil_waste") == pytest.approx(46_000.0)


def levels(*filled_ml: float) -> Iterator[Event[WasteLevels]]:
    """What the journal says of a waste of 100 mL."""
    for number, ml in enumerate(filled_ml, 1):
        level = WasteLevel(filled_ul=1000 * ml, capacity_ul=100_000.0)
        yield Event(number, float(number), "", WasteLevels(vessels={"waste": level}))


def test_a_waste_that_fills_is_told_once(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """At 80 %, and again only after it was emptied."""
    with Progress(tmp_path) as progress:
        for event in levels(70.0, 80.5, 85.0, 3.0, 81.0):
            progress(event)
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "waste: 80.5 of 100 mL, 80% full: empty it soon",
        "waste: 81.0 of 100 mL, 81% full: empty it soon",
    ]
