"""What the page of a paper shows, in whatever form."""

from collections.abc import Mapping, Sequence

from attrs import frozen

from flowrig.interfaces.gallery import Claim, GalleryFigure, TwinDrawing
from flowrig.interfaces.study import Panel
from flowrig.report.panels import panel_drawing
from flowrig.report.twin_drawings import (
    Drawn,
    ShownTwin,
    parity_drawings,
    shapley_drawing,
    surface_drawings,
)

__all__ = ["DrawnFigure", "GalleryContent", "Made", "drawn_figures"]

EVERY = 2
"""Which points of the grid of a surface are drawn: each second one keeps files small."""


@frozen(kw_only=True)
class Made:
    """A run of a paper, as it was made.

    Attributes:
        name: of the run.
        profile: the profile with its campaign.
        experiments: how many were measured.
        hours: rig time [h].
    """

    name: str
    profile: str
    experiments: int
    hours: float


@frozen(kw_only=True)
class DrawnFigure:
    """A figure with its drawings.

    Attributes:
        figure: what it shows and claims.
        parts: its drawings, each with its caption, which may be empty.
    """

    figure: GalleryFigure
    parts: Sequence[Drawn]


@frozen(kw_only=True)
class GalleryContent:
    """A paper that was run again.

    Attributes:
        name: of the system.
        title: what was made, in a few words.
        doi: of the paper; empty if it is not known.
        source: authors, journal, year, volume and page.
        seed: of the runs.
        is_quick: whether the runs have fewer frames and experiments.
        runs: in their order.
        figures: in the order of the paper.
    """

    name: str
    title: str
    doi: str
    source: str
    seed: int
    is_quick: bool
    runs: Sequence[Made]
    figures: Sequence[DrawnFigure]

    @property
    def claims(self) -> list[tuple[GalleryFigure, Claim]]:
        """Every claim with its figure."""
        return [(one.figure, claim) for one in self.figures for claim in one.figure.claims]

    @property
    def differing(self) -> list[tuple[GalleryFigure, Claim]]:
        """The claims that do not agree, with their figures."""
        return [(figure, claim) for figure, claim in self.claims if not claim.agrees]

    @property
    def verdict(self) -> str:
        """How many claims agree, in one sentence without a full stop."""
        agreed, every = len(self.claims) - len(self.differing), len(self.claims)
        kinds = []
        for kind in ("sign", "order", "size"):
            some = [claim.agrees for _, claim in self.claims if claim.kind == kind]
            if some:
                kinds.append(f"{kind} {sum(some)} of {len(some)}")
        if not kinds:
            return "nothing is compared with the paper"
        return f"{agreed} of {every} claims agree: {', '.join(kinds)}"


def drawn_figures(
    figures: Sequence[GalleryFigure], twins: Mapping[str, ShownTwin]
) -> list[DrawnFigure]:
    """Draw figures.

    Args:
        figures: whose twins are known.
        twins: by name.
    """
    return [
        DrawnFigure(
            figure=one, parts=[part for drawing in one.drawings for part in _drawn(drawing, twins)]
        )
        for one in figures
    ]


def _drawn(drawing: Panel | TwinDrawing, twins: Mapping[str, ShownTwin]) -> list[Drawn]:
    if isinstance(drawing, Panel):
        return [Drawn(panel_drawing(drawing, has_legend=True).drawing, "")]
    shown = twins[drawing.twin]
    if drawing.shows == "parity":
        known = "Circles: in the training set; squares: not seen."
        return [Drawn(one.drawing, f"{one.caption} {known}") for one in parity_drawings(shown)]
    if drawing.shows == "shapley":
        one = shapley_drawing(shown)
        return [Drawn(one.drawing, f"{one.caption} Dark: low; light: high.")]
    return surface_drawings(shown, EVERY)
