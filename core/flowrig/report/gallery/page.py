"""The page of a paper that was run again, as one HTML file."""

from collections.abc import Sequence

from flowrig.interfaces.gallery import Claim, GalleryFigure
from flowrig.report.gallery.content import DrawnFigure, GalleryContent
from flowrig.report.page import document, figure, section, table, text_cell
from flowrig.report.svg.markup import Markup, tag

__all__ = ["render_gallery"]

QUICK = (
    "Made with --quick: fewer frames and fewer experiments than the paper has. What does not agree "
    "here may agree in full length, and the other way round."
)
EMULATED = (
    "All of this was measured on an emulated rig, through the real drivers. Its chemistry rests on "
    "published numbers and on assumptions, so that an agreement is no proof of the paper. What of "
    "it is published, fitted and assumed is on the page of flowrig about the simulated rig."
)


def render_gallery(content: GalleryContent) -> str:
    """An HTML document: what does not agree first, then every figure.

    Args:
        content: the paper as it was run again.
    """
    source = f"{content.source}, doi {content.doi}" if content.doi else content.source
    quick = [tag("p", tag("strong", QUICK))] if content.is_quick else []
    return document(
        content.title,
        tag(
            "header",
            tag("h1", content.title),
            tag("p", f"{source}; {content.name}, seed {content.seed}", class_="sub"),
            *quick,
        ),
        _differing(content),
        *map(_figure, content.figures),
        _runs(content),
    )


def _differing(content: GalleryContent) -> Markup:
    claims = content.differing
    words = f"{content.verdict[:1].upper()}{content.verdict[1:]}."
    title = "What does not agree" if claims else "Nothing differs"
    lines = [
        tag("li", f"{one.title}: {claim.paper} – here: {claim.found} ({claim.kind})")
        for one, claim in claims
    ]
    listed = [tag("ul", *lines, class_="notes")] if lines else []
    return section(title, words, *listed, tag("p", EMULATED, class_="quiet"))


def _figure(one: DrawnFigure) -> Markup:
    parts = [
        figure(part.drawing, *([tag("figcaption", part.caption)] if part.caption else []))
        for part in one.parts
    ]
    notes = [tag("p", note, class_="quiet") for note in one.figure.notes]
    return section(
        one.figure.title,
        one.figure.paper,
        tag("div", *parts, class_="small-multiples"),
        *([_claims(one.figure)] if one.figure.claims else []),
        *notes,
    )


def _claims(shown: GalleryFigure) -> Markup:
    claims: Sequence[Claim] = sorted(shown.claims, key=lambda one: one.agrees)
    rows = [
        tag(
            "tr",
            text_cell(one.kind),
            text_cell(one.paper),
            text_cell(one.found),
            text_cell("yes" if one.agrees else "no"),
            class_=None if one.agrees else "doubtful",
        )
        for one in claims
    ]
    head = ("", "the paper", "the emulated rig", "agrees")
    return table([tag("th", name, class_="text") for name in head], rows)


def _runs(content: GalleryContent) -> Markup:
    rows = [
        tag(
            "tr",
            text_cell(one.name),
            text_cell(one.profile),
            tag("td", str(one.experiments)),
            tag("td", f"{one.hours:.1f}"),
        )
        for one in content.runs
    ]
    head = [tag("th", name, class_="text") for name in ("run", "profile")]
    words = "Each on an emulated rig, on a virtual clock."
    return section("What was run", words, table([*head, "experiments", "rig time (h)"], rows))
