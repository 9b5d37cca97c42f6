"""What the paper ran, its figures, and what it says; replace all of it by your own paper."""

from collections.abc import Sequence
from pathlib import Path

from flowrig.interfaces import Panel, Series
from flowrig.interfaces.gallery import (
    Claim,
    GalleryExperiment,
    GalleryFigure,
    GalleryRun,
    Paper,
    PaperResults,
    PaperRun,
)

HERE = Path(__file__).parent
SIZE = 60.0
"""Published quantum yield [%] at the highest flow rate."""
OFF = 0.1
"""How far it may be off, as a share."""


class TemplatePaper(Paper):
    """A series of flow rates, whose quantum yield is measured off the line."""

    def runs(self) -> Sequence[PaperRun]:
        """One campaign, in a file beside this module."""
        return [PaperRun(name="flow", profile=str(HERE / "template.toml"))]

    def figures(self, results: PaperResults) -> Sequence[GalleryFigure]:
        """One figure."""
        return [_flow(results.runs["flow"])]


def _plqy(one: GalleryExperiment) -> float:
    return one.features["sphere.plqy"]


def _flow(run: GalleryRun) -> GalleryFigure:
    # What comes off the line has no objective, and so no good quality, before its result is in.
    made = [one for one in run.experiments if one.quality != "bad"]
    first, last = _plqy(made[0]), _plqy(made[-1])
    return GalleryFigure(
        name="flow",
        title="Quantum yield by the flow rate of toluene",
        paper="It rises with the flow, to about 60 %.",
        drawings=[
            Panel(
                x=run.label("Toluene"),
                y="PLQY (%)",
                series=[
                    Series(
                        name="PLQY",
                        x=[float(one.conditions["Toluene"]) for one in made],
                        y=[_plqy(one) for one in made],
                    )
                ],
            )
        ],
        claims=[
            Claim(
                kind="sign",
                paper="it rises with the flow",
                found=f"{first:.0f} to {last:.0f} %",
                agrees=last > first,
            ),
            Claim(
                kind="size",
                paper=f"to about {SIZE:g} %",
                found=f"{last:.0f} % (agrees within {OFF:.0%})",
                agrees=abs(last - SIZE) <= OFF * SIZE,
            ),
        ],
    )
