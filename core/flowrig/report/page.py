"""Parts that all pages share: the document, sections, tables and figures."""

from collections.abc import Iterable

from flowrig.report.svg.markup import Markup, tag
from flowrig.report.svg.style import STYLE

__all__ = ["document", "figure", "section", "table", "text_cell"]


def document(title: str, *parts: Markup) -> str:
    """An HTML document without scripts, readable on screens, in the dark and on paper.

    Args:
        title: name of the page in the browser.
        parts: content of the page.
    """
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag(
            "meta",
            http_equiv="Content-Security-Policy",
            content="default-src 'none'; style-src 'unsafe-inline'",
        ),
        tag("title", f"{title} – flowrig"),
        tag("style", Markup(STYLE)),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, tag('body', tag('main', *parts)), lang='en')}\n"


def section(title: str, words: str, *parts: Markup) -> Markup:
    """A part of a page: a heading, an introduction in words, which may be empty, and content."""
    lead = [tag("p", words, class_="sub")] if words else []
    return tag("section", tag("h2", title), *lead, *parts)


def table(head: Iterable[Markup | str], rows: Iterable[Markup]) -> Markup:
    """A table on a card that scrolls if it is too large.

    Args:
        head: the header cells; a text becomes a plain one.
        rows: its `tr` elements.
    """
    cells = (cell if isinstance(cell, Markup) else tag("th", cell) for cell in head)
    made = tag("table", tag("thead", tag("tr", *cells)), tag("tbody", *rows))
    return tag("div", made, class_="card scroll")


def text_cell(text: str) -> Markup:
    """A cell of a table that holds a text and not a number."""
    return tag("td", text, class_="text")


def figure(*parts: Markup) -> Markup:
    """A drawing on a card, with its legend or caption."""
    return tag("figure", *parts, class_="card")
