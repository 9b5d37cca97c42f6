"""Papers that are run again: a third party's own, and the shipped ones."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner

from flowrig.cli import main
from flowrig.cli.gallery.making import Gallery, found_papers, named_papers, paper_of, work_of
from flowrig.errors import InputError, PluginError
from flowrig.interfaces import Panel, Series
from flowrig.interfaces.gallery import (
    Claim,
    GalleryFigure,
    GallerySurface,
    GalleryTwin,
    Paper,
    PaperResults,
    PaperRun,
    PaperTwin,
    TwinDrawing,
)
from flowrig.interfaces.gallery.paper import require_figures
from flowrig.learning.training_set import TrainingSet
from flowrig.plugins import PaperOffer, hookimpl
from flowrig.plugins.registry import Plugins
from flowrig.problem.objective import MaximumResponse
from flowrig.problem.space import Parameter, Space
from flowrig.profile import load_profile
from flowrig.report.gallery import (
    GalleryContent,
    drawn_figures,
    json_of,
    pictures_of,
    render_gallery,
)
from flowrig.report.twin_drawings import ShownTwin
from flowrig.testing import PlainGaussianProcess
from flowrig.twin.study import explain_twin

OWN = """\
extends = "cspbbr3-larp-published"

[[campaign.stages]]
study = "sweep"
sweep = { Toluene = ["1000 mL/h", "5000 mL/h"] }
features = ["plqy"]
repeats = 1
"""
SHIPPED = {
    "artificial-chemist",
    "cs3cu2i5-heatup",
    "cs3cu2i5-hot-injection",
    "cspbbr3-larp",
    "maria",
}


class Mine(Paper):
    """A paper of a third party, one of whose claims fails."""

    profile = ""

    def runs(self) -> Sequence[PaperRun]:
        return [PaperRun(name="flow", profile=self.profile)]

    def figures(self, results: PaperResults) -> Sequence[GalleryFigure]:
        run = results.runs["flow"]
        x = [float(one.conditions["Toluene"]) for one in run.experiments]
        y = [one.features["sphere.plqy"] for one in run.experiments]
        panel = Panel(x=run.label("Toluene"), y="PLQY (%)", series=[Series(name="", x=x, y=y)])
        return [
            GalleryFigure(
                name="flow",
                title="By <flow>",
                paper="It rises.",
                drawings=[panel],
                claims=[
                    Claim(kind="sign", paper="rises", found="rises", agrees=y[1] > y[0]),
                    Claim(kind="size", paper="to 99 %", found=f"{y[1]:.0f} %", agrees=y[1] > 98),
                ],
            )
        ]


class Plugin:
    """Offers it."""

    @hookimpl
    def flowrig_gallery(self) -> Sequence[PaperOffer]:
        return [
            PaperOffer(
                name="mine",
                target=f"{__name__}:Mine",
                doi="10.1000/Mine",
                source="Me, 2026",
                summary="My paper",
            )
        ]


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plugins:
    file = tmp_path / "own.toml"
    file.write_text(OWN, encoding="utf-8")
    monkeypatch.setattr(Mine, "profile", str(file))
    return Plugins.discover(extra={"mine": Plugin()})


def test_a_paper_of_a_third_party_is_run_and_what_differs_is_said_first(
    plugins: Plugins, tmp_path: Path
) -> None:
    """One hook and one class; by name or DOI; a kept run is used again, to the same page."""
    (offer,) = named_papers(["https://doi.org/10.1000/mine"], plugins)
    assert named_papers(["mine", "10.1000/MINE"], plugins) == [offer]
    steps = list[int]()
    making = Gallery(plugins=plugins, records=tmp_path / "records", on_step=steps.append)
    content = making.make(offer)
    assert sum(steps) == work_of(offer, plugins, is_quick=False) == 2
    assert content.verdict == "1 of 2 claims agree: sign 1 of 1, size 0 of 1"

    page = render_gallery(content)
    ElementTree.fromstring(page[page.index("<body>") : page.index("</html>")])
    assert page.index("What does not agree") < page.index("to 99 %") < page.index("<svg")
    assert not any(word in page for word in ("<script", "src=", "href=", "url(", "@import"))
    assert "By &lt;flow&gt;" in page

    assert list(pictures_of(content)) == ["mine-flow-1.svg"]
    drawing = ElementTree.fromstring(pictures_of(content)["mine-flow-1.svg"])
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
    assert "var(" not in pictures_of(content)["mine-flow-1.svg"]
    plain = json_of(content)
    assert json.loads(json.dumps(plain)) == plain
    assert [one["paper"] for one in plain["differing"]] == ["to 99 %"]

    again = Gallery(plugins=plugins, records=tmp_path / "records").make(offer)
    assert (render_gallery(again), pictures_of(again)) == (page, pictures_of(content))
    with pytest.raises(InputError, match="another profile or seed"):
        Gallery(plugins=plugins, records=tmp_path / "records", seed=2).make(offer)


def test_without_a_name_papers_are_listed_and_a_wrong_name_is_refused() -> None:
    """With the DOI; a wrong name is answered with those that there are."""
    listed = CliRunner().invoke(main, ["gallery", "--json"])
    assert listed.exit_code == 0, listed.output
    assert {one["name"] for one in json.loads(listed.output)} == SHIPPED
    refused = CliRunner().invoke(main, ["gallery", "10.1000/none"])
    assert refused.exit_code == 2
    assert "cs3cu2i5-heatup (10.1039/d5dd00062a)" in refused.output


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_every_run_of_a_shipped_paper_is_sound(name: str) -> None:
    """All profiles load, and the quick form is shorter and keeps its model."""
    plugins = Plugins.discover()
    offer = found_papers(plugins)[name]
    for run in paper_of(offer).runs():
        profile, quick = (
            load_profile(run.target(is_quick=is_quick), plugins) for is_quick in (False, True)
        )
        assert profile.campaign is not None
        assert quick.campaign is not None
        assert quick.campaign.experiments <= profile.campaign.experiments
        assert quick.analysis.frames <= profile.analysis.frames
        assert (quick.campaign.surrogate is None) == (profile.campaign.surrogate is None)


def test_the_command_writes_page_pictures_and_numbers(tmp_path: Path) -> None:
    """The whole of a small paper, into a folder that may hold other things."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine", encoding="utf-8")
    done = CliRunner().invoke(main, ["gallery", "10.1039/d2na00744d", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "claims agree" in done.output
    assert {file.name for file in out.iterdir()} == {
        "cspbbr3-larp-antisolvent-1.svg",
        "cspbbr3-larp-precursor-1.svg",
        "cspbbr3-larp-width-1.svg",
        "cspbbr3-larp.html",
        "gallery.json",
        "mine.txt",
    }


def test_twins_are_drawn_as_files_of_their_own() -> None:
    """Parity of the response and the objective, Shapley values, and nine surfaces."""
    X = np.random.default_rng(1).random((20, 3))
    data = TrainingSet(X, (X @ [3.0, -1.0, 0.2])[:, None], MaximumResponse("y"))
    space = Space(tuple(Parameter(name, 0.0, 1.0, "") for name in "xyz"))
    study = explain_twin(data, space, lambda seed: PlainGaussianProcess(seed=seed))
    shows = ("parity", "shapley", "surfaces")
    one = GalleryFigure(
        name="twin",
        title="",
        paper="",
        drawings=[TwinDrawing(twin="t", shows=what) for what in shows],  # type: ignore[arg-type]
    )
    (drawn,) = drawn_figures([one], {"t": ShownTwin(study, {"x": "sun"}, {})})
    assert len(drawn.parts) == 2 + 1 + 9
    assert all(part.caption for part in drawn.parts)
    assert "sun" in drawn.parts[2].drawing
    content = GalleryContent(
        name="p", title="", doi="", source="", seed=1, is_quick=True, runs=[], figures=[drawn]
    )
    assert all(ElementTree.fromstring(text) is not None for text in pictures_of(content).values())
    assert "--quick" in render_gallery(content)
    assert content.verdict == "nothing is compared with the paper"


def test_a_twin_of_too_few_experiments_is_refused() -> None:
    X = np.random.default_rng(1).random((9, 2))
    data = TrainingSet(X, X[:, :1], MaximumResponse("y"))
    space = Space(tuple(Parameter(name, 0.0, 1.0, "") for name in "xy"))
    with pytest.raises(InputError, match="at least 10 experiments, got 9"):
        explain_twin(data, space, lambda seed: PlainGaussianProcess(seed=seed))


def test_what_claims_can_ask_of_a_twin() -> None:
    """The order of the conditions, the way each goes, and where a surface is highest."""
    X = np.array([[0.0, 1.0], [1.0, 0.0], [0.5, 0.2]])
    twin = GalleryTwin(
        names=("a", "b"), conditions=X, shapley=X * [1.0, -3.0], base=0.0, r2={}, objective="o"
    )
    assert twin.ranking == ["b", "a"]
    assert (twin.trend("a"), twin.trend("b")) == pytest.approx((1.0, -1.0))
    mean = np.array([[0.0, 1.0, 0.5], [np.nan, 2.0, 0.1]])
    assert GallerySurface(first="a", second="b", level="low", mean=mean).best == {"a": 1, "b": 0.5}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "Fig 1"}, "letters"),
        ({"drawings": [TwinDrawing(twin="other", shows="parity")]}, "other"),
        ({"claims": [Claim(kind="mood", paper="", found="", agrees=True)]}, "mood"),  # type: ignore[arg-type]
    ],
)
def test_figures_that_cannot_be_drawn_are_refused(changes: dict[str, Any], said: str) -> None:
    """Names become files, twins have to be there, and a claim has a kind."""
    values: dict[str, Any] = {"name": "one", "title": "", "paper": "", "drawings": []}
    with pytest.raises(PluginError, match=said):
        require_figures([GalleryFigure(**{**values, **changes})], [PaperTwin(name="t", run="r")])
    sound = GalleryFigure(**values)
    assert require_figures([sound], []) == (sound,)
    with pytest.raises(PluginError, match="two figures"):
        require_figures([sound, sound], [])


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_the_quick_form_of_every_paper_is_drawn(name: str, tmp_path: Path) -> None:
    """Every figure of every shipped paper, with few frames."""
    pytest.importorskip("torch")
    plugins = Plugins.discover()
    offer = found_papers(plugins)[name]
    content = Gallery(plugins=plugins, records=tmp_path, is_quick=True).make(offer)
    assert content.figures
    assert "made with --quick" in render_gallery(content).lower()
