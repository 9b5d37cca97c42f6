"""What studies found, in a report: one sentence for each finding, and the figure."""

from collections.abc import Sequence
from math import nan

from flowrig.interfaces.study import Fraction, Panel
from flowrig.report.page import figure, section, table, text_cell
from flowrig.report.panels import panel_drawing
from flowrig.report.svg.charts import legend
from flowrig.report.svg.markup import Markup, tag
from flowrig.run_record.studies import StudyFindings

__all__ = ["sections"]


def sections(studies: Sequence[StudyFindings]) -> list[Markup]:
    """A section for each study.

    Args:
        studies: in the order of their stages.
    """
    return [_section(one) for one in studies]


def _section(study: StudyFindings) -> Markup:
    counted = f"{study.points} of at most {study.planned} points; by {study.version}."
    lines = [f"It cannot say what it found: {study.problem}."] if study.problem else []
    lines += [f"{text}." for text in study.lines]
    tests = dict.fromkeys(one.test for one in study.findings.findings if one.test)
    return section(
        f"Study: {study.stage}",
        counted,
        tag("ul", *(tag("li", line) for line in lines), class_="notes"),
        *([tag("p", f"Methods: {'; '.join(tests)}.")] if tests else []),
        *([_fractions(study.fractions)] if study.fractions else []),
        tag("div", *map(_panel, study.findings.panels), class_="small-multiples"),
    )


def _fractions(fractions: Sequence[Fraction]) -> Markup:
    """A table of the fractions of a product."""
    names = tuple(dict.fromkeys(name for one in fractions for name in one.mean))
    rows = []
    for one in fractions:
        values = [
            tag("td", f"{one.mean.get(n, nan):.4g} ± {one.sd.get(n, nan):.2g}") for n in names
        ]
        verdict = "kept" if one.kept else f"refused: {one.reason}"
        rows.append(
            tag(
                "tr",
                tag("td", str(one.number)),
                tag("td", f"{one.started_s / 60:.1f}"),
                tag("td", f"{one.ended_s / 60:.1f}"),
                tag("td", f"{one.volume_ul / 1000:.4g}"),
                text_cell(f"{one.experiments[0]} to {one.experiments[-1]}"),
                *values,
                text_cell("; ".join((verdict, *one.told))),
            )
        )
    head = ("fraction", "from (min)", "to (min)", "mL", "experiments", *names, "")
    return table(head, rows)


def _panel(panel: Panel) -> Markup:
    """One panel of the figure, with a legend if it has several series."""
    drawn = panel_drawing(panel)
    return figure(drawn.drawing, *([legend(drawn.keys)] if len(drawn.keys) > 1 else []))
