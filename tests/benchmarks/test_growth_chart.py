"""The chart of decision times, drawn from made-up ones."""

import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_the_chart_shows_every_optimizer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture that stands alone, with its style, and a name beside every pair of lines."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import growth

    times = {
        (name, d): [factor * n * d for n in growth.EXPERIMENTS]
        for name, factor in (("gp", 1e-5), ("other", 1e-3))
        for d in growth.CONDITIONS
    }
    picture = ElementTree.fromstring(growth.drawn(times))
    said = {element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")}
    for name in ("growth", "regret", "landscapes"):
        sys.modules.pop(name, None)

    assert picture.find("{http://www.w3.org/2000/svg}style") is not None
    assert {"gp", "other", "filled: 5 conditions, hollow: 12"} <= said
