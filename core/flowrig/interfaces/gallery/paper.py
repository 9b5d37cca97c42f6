"""A paper: what it ran, its figures, and what it says.

A plugin offers one by the hook `flowrig_gallery`. `flowrig gallery` runs what the paper ran on an
emulated rig, asks for the figures, and shows beside each whether it agrees with the paper.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal

from attrs import field, frozen

from flowrig.errors import PluginError
from flowrig.interfaces.gallery.results import PaperResults
from flowrig.interfaces.study import Panel
from flowrig.plugins.contained import one_line

__all__ = [
    "Claim",
    "GalleryFigure",
    "Paper",
    "PaperRun",
    "PaperTwin",
    "TwinDrawing",
    "require_figures",
]

KINDS = ("sign", "order", "size")


@frozen(kw_only=True)
class PaperRun:
    """A run of a paper, on an emulated rig.

    Attributes:
        name: what figures call it, and its folder.
        profile: name or path of a profile with a campaign, or of a campaign file.
        quick: the same with fewer frames and experiments, for `--quick`; `profile` if empty.
    """

    name: str
    profile: str
    quick: str = ""

    def target(self, *, is_quick: bool) -> str:
        """What is run."""
        return self.quick or self.profile if is_quick else self.profile


@frozen(kw_only=True)
class PaperTwin:
    """A digital twin of experiments of a run, with Shapley values and surfaces.

    Attributes:
        name: what figures call it.
        run: name of the run.
        stages: names of the stages that it learns from; all if empty.
        surrogate: name of the model with its defaults; that of the campaign if empty.
    """

    name: str
    run: str
    stages: tuple[str, ...] = ()
    surrogate: str = ""


@frozen(kw_only=True)
class TwinDrawing:
    """A drawing of a digital twin that flowrig makes.

    Attributes:
        twin: name of the twin.
        shows: "parity" of each response and the objective, "shapley" values of every condition, or
            "surfaces" over the three strongest conditions.
    """

    twin: str
    shows: Literal["parity", "shapley", "surfaces"]


@frozen(kw_only=True)
class Claim:
    """Something that a paper says, and what came out.

    Attributes:
        kind: "sign", which way something goes; "order", what is stronger, better or sooner; "size",
            a number, with how far it may be off.
        paper: what the paper says, in one phrase.
        found: what the emulated rig says, in one phrase.
        agrees: whether both agree.
    """

    kind: Literal["sign", "order", "size"]
    paper: str
    found: str
    agrees: bool = field(converter=bool)  # numpy has one of its own


@frozen(kw_only=True)
class GalleryFigure:
    """A figure of a paper, drawn again.

    Attributes:
        name: of its files: lower-case letters, digits and hyphens.
        title: what it shows.
        paper: what the paper shows there, in one sentence.
        drawings: its parts, side by side.
        claims: what the paper says of it, and what came out.
        notes: what a reader should know, one sentence each, such as what is not compared.
    """

    name: str
    title: str
    paper: str
    drawings: Sequence[Panel | TwinDrawing]
    claims: Sequence[Claim] = ()
    notes: Sequence[str] = ()


class Paper(ABC):
    """What a paper ran and showed. It is made without arguments, and keeps no state."""

    @abstractmethod
    def runs(self) -> Sequence[PaperRun]:
        """What is run, in order; each name once."""

    @abstractmethod
    def figures(self, results: PaperResults) -> Sequence[GalleryFigure]:
        """The figures, in the order of the paper; they follow from the results alone."""

    def twins(self) -> Sequence[PaperTwin]:
        """The digital twins that figures need; each name once."""
        return ()


def require_figures(found: object, twins: Sequence[PaperTwin]) -> tuple[GalleryFigure, ...]:
    """What a paper returned, if it can be drawn.

    Args:
        found: what `figures` returned.
        twins: the twins of the paper.

    Raises:
        PluginError: it cannot; the message says why.
    """
    if not isinstance(found, Sequence) or not all(isinstance(one, GalleryFigure) for one in found):
        raise PluginError(f"figures() returns {one_line(repr(found))}; expected GalleryFigures")
    names = [one.name for one in found]
    for one in found:
        if not (one.name.replace("-", "").isalnum() and one.name == one.name.lower()):
            raise PluginError(f"a figure is called {one.name!r}; expected letters and hyphens")
        if names.count(one.name) > 1:
            raise PluginError(f"two figures are called {one.name!r}")
        _require_known(one, {twin.name for twin in twins})
    return tuple(found)


def _require_known(figure: GalleryFigure, twins: set[str]) -> None:
    """Refuse drawings of twins that the paper does not have, and claims of no kind."""
    for drawing in figure.drawings:
        if isinstance(drawing, TwinDrawing) and drawing.twin not in twins:
            there = ", ".join(sorted(twins)) or "none"
            raise PluginError(
                f"figure {figure.name!r} draws the twin {drawing.twin!r}; there are: {there}"
            )
    for claim in figure.claims:
        if claim.kind not in KINDS:
            kinds = ", ".join(KINDS)
            raise PluginError(
                f"figure {figure.name!r} has a claim {claim.kind!r}; expected {kinds}"
            )
