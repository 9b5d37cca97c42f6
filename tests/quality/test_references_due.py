"""When the reference condition is due: once for each fresh stock, and never for ever."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from flowrig.campaign.quality.references import ReferenceConditions
from flowrig.journal.events import Decided, Measured, Skipped, WentOn
from flowrig.profile.model.campaign import References

STREAMS = {n: SimpleNamespace(is_in_product=True) for n in ("CuI", "ZnI2")}
STAGE: Any = SimpleNamespace(is_study=False)


class Events:
    """A journal: `r1` decides the reference 1, `d2` another experiment 2, `m2` measures
    it, `s2` skips it, and `CuI` fills that syringe."""

    def __init__(self, words: Sequence[str]) -> None:
        self._events = [
            SimpleNamespace(sequence=n, kind=self._kind(word), data=self._data(word))
            for n, word in enumerate(words, 1)
        ]

    @staticmethod
    def _kind(word: str) -> Any:
        kinds = {"r": Decided, "d": Decided, "m": Measured, "s": Skipped}
        return WentOn if word in STREAMS else kinds[word[0]]

    @staticmethod
    def _data(word: str) -> Any:
        if word in STREAMS:
            return SimpleNamespace(refilled=(word,))
        return SimpleNamespace(index=int(word[1:]), reference=word[0] == "r")

    def events(self, *kinds: Any, after: int = 0) -> list[Any]:
        return [one for one in self._events if one.kind in kinds and one.sequence > after]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("", "the first batch"),
        ("r1", ""),
        ("r1 CuI", ""),  # it is measured with the fresh stock
        ("r1 CuI m1", ""),
        ("r1 r2 m1 CuI", ""),
        ("r1 CuI s1", ""),
        ("r1 m1 CuI", "fresh CuI"),
        ("r1 m1 d2 CuI", "fresh CuI"),
        ("r1 m1 d2 CuI r3 m3 CuI", ""),  # experiment 2 would never be measured
        ("r1 m1 d2 CuI r3 m3 ZnI2", "fresh ZnI2"),
        ("r1 m1 d2 CuI r3 m3 CuI m2 CuI", "fresh CuI"),
        ("r1 m1 d2 m2 d3 s3", ""),
        ("r1 m1 d2 m2 d3 m3", "2 experiments after the last"),
        ("r1 s1 d2 m2 d3 m3", "2 experiments after the last"),
    ],
)
def test_the_reference_is_due_once_for_each_fresh_stock(words: str, why: str) -> None:
    campaign = SimpleNamespace(reference=References(every=2))
    record: Any = SimpleNamespace(campaign=campaign, profile=SimpleNamespace(streams=STREAMS))
    journal: Any = SimpleNamespace(journal=Events(words.split()))
    assert ReferenceConditions(record, journal).due(STAGE) == why
