"""The report as a whole."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from attrs import evolve

from flowrig.interfaces import Quality
from flowrig.problem.objective import MaximumResponse
from flowrig.report import ReportContent, render

MakeContent = Callable[[int], ReportContent]
VOID = {"meta"}


class Outline(HTMLParser):
    """Follows the nesting of elements and collects text."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.text = ""
        self.feed(document)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def drawings(document: str) -> list[ElementTree.Element]:
    """Every SVG of a report, parsed as XML."""
    return [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", document)]


@pytest.mark.parametrize("count", [0, 1, 2, 76])
def test_a_report_is_well_formed(content: MakeContent, count: int) -> None:
    """Whatever the number of experiments, elements nest and every drawing is XML with a name."""
    document = render(content(count))
    assert Outline(document).open == []
    for drawing in drawings(document):
        assert drawing.get("aria-hidden") or drawing.find("title") is not None
    assert not re.search(r"\b(nan|inf)\b", document)


def test_a_report_needs_nothing_but_a_browser(content: MakeContent) -> None:
    """No address, script, link or image leads out of the file."""
    document = render(content(76))
    outline = Outline(document)
    assert not {"script", "link", "img", "iframe", "object", "image", "use"} & set(outline.seen)
    assert not re.search(r"https?:|url\(|@import|src=|href=", document)
    assert 'http-equiv="Content-Security-Policy"' in document


def test_hostile_words_stay_words(content: MakeContent) -> None:
    """Names and remarks that look like markup are shown, never obeyed."""
    hostile = "\"><script>alert('x')</script>&<b a='"
    plain = content(3)
    profile = evolve(
        plain.profile,
        title=hostile,
        source=hostile,
        streams={
            name: evolve(s, contents=hostile, pump=hostile)
            for name, s in plain.profile.streams.items()
        },
        path={
            name: evolve(c, material=hostile, note=hostile)
            for name, c in plain.profile.path.items()
        },
    )
    experiments = tuple(
        evolve(e, stage=hostile, remark=hostile, quality=Quality.DOUBTFUL)
        for e in plain.experiments
    )
    document = render(
        evolve(
            plain,
            title=hostile,
            state=hostile,
            profile=profile,
            experiments=experiments,
            provenance={hostile: hostile},
            notes=(hostile,),
            feature_units={"pla": hostile},
        )
    )
    outline = Outline(document)
    assert "script" not in outline.seen
    assert "b" not in outline.seen
    assert outline.text.count(hostile) > 8
    drawings(document)


def test_the_headline_is_the_best_trusted_experiment(content: MakeContent) -> None:
    """The largest number counts only if its quality is good."""
    run = content(76)
    best = run.best
    assert best is not None
    assert best.objective is not None
    assert f"{100 * best.objective:.1f}\u2009%" in render(run)
    doubted = tuple(
        evolve(e, quality=Quality.DOUBTFUL) if e is best else e for e in run.experiments
    )
    second = evolve(run, experiments=doubted).best
    assert second is not None
    assert second.objective is not None
    assert second.objective < best.objective


def test_every_experiment_has_its_row_and_its_point(content: MakeContent) -> None:
    """The table lists all experiments, and the plot shows a mark with a hint for each."""
    document = render(content(76))
    assert document.count("<tr") == 1 + 76
    plot = re.search(r'aria-label="PLQY proxy of every experiment".*?</svg>', document)
    assert plot is not None
    assert plot[0].count("<title>experiment ") == 76
    assert plot[0].count("point hollow") == 1


def test_failures_and_doubts_are_listed(content: MakeContent) -> None:
    """Failed and doubtful experiments are listed with their reasons."""
    text = Outline(render(content(76))).text
    assert "Experiment 23 failed: plate: no steady temperature in 1 h" in text
    assert "Experiment 41 is doubtful: hdx_pl: 3 of 50 used frames are saturated" in text
    assert "No experiment failed" in Outline(render(content(5))).text


def test_without_a_model_there_is_no_parity(content: MakeContent) -> None:
    """Runs without predictions have no parity plots and no empty column."""
    run = content(76)
    bare = tuple(evolve(e, expected=None, held_out=None) for e in run.experiments)
    text = Outline(render(evolve(run, experiments=bare))).text
    assert "predicted" not in text
    assert "expected%" not in text


def test_parity_has_a_caption(content: MakeContent) -> None:
    """Predictions that hit exactly have R² = 1 and lie within one standard deviation."""
    run = content(76)
    exact = []
    for experiment in run.experiments:
        expected = experiment.expected
        if expected is not None and expected.objective is not None and experiment.objective:
            hit = evolve(expected.objective, mean=experiment.objective)
            expected = evolve(expected, objective=hit)
        exact.append(evolve(experiment, expected=expected, held_out=None))
    text = Outline(render(evolve(run, experiments=tuple(exact)))).text
    assert "16 predictions, R² = 1.00. 16 of 16 measurements lie within one" in text


def test_a_simulated_run_says_so(content: MakeContent) -> None:
    """The report of emulated instruments has a badge."""
    run = content(1)
    assert "simulated" not in Outline(render(run)).text
    assert "simulated" in Outline(render(evolve(run, simulated=True))).text


def test_a_response_is_not_taken_for_a_fraction(content: MakeContent) -> None:
    """Only an objective without unit is shown in percent; a plain absorbance is not."""
    run = content(3)
    profile = evolve(run.profile, objective=MaximumResponse("a300"))
    assert run.objective.unit == "%"
    assert evolve(run, profile=profile).objective.text(0.55) == "0.550"
