"""What every page has: a head that loads nothing, and sections."""

from flowrig.report.svg.markup import Markup, tag
from flowrig.report.svg.style import STYLE

__all__ = ["document", "section"]


def document(title: str, *parts: Markup) -> str:
    """An HTML document without scripts, readable on screens, in the dark and on paper.

    Args:
        title: what the browser shows as its name.
        parts: its content.
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
    """A part of a page with a head, some words, and what they introduce."""
    lead = [tag("p", words, class_="sub")] if words else []
    return tag("section", tag("h2", title), *lead, *parts)
