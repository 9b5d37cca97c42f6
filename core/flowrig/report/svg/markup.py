"""HTML and SVG elements that escape all text in them, and show its control characters."""

from html import escape

from flowrig.journal.visible import visible

__all__ = ["Markup", "join", "tag"]

VOID = frozenset({"meta"})


class Markup(str):
    """Text that is markup already and needs no escaping."""

    __slots__ = ()


def tag(
    name: str, /, *children: "str | Markup", **attributes: "str | float | bool | None"
) -> Markup:
    """One element.

    Args:
        name: of the element.
        children: its content; plain text is escaped, `Markup` is not.
        attributes: by name; "class_" is "class", "stroke_width" is "stroke-width"; None and False
            leave an attribute out, True writes it without a value.
    """
    written = "".join(
        _attribute(key.rstrip("_").replace("_", "-"), value)
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{join(*children)}</{name}>")


def join(*parts: "str | Markup", between: str = "") -> Markup:
    """Several pieces one after the other; plain text is escaped, `Markup` is not."""
    return Markup(
        between.join(part if isinstance(part, Markup) else _escaped(part) for part in parts)
    )


def _attribute(name: str, value: "str | float | bool") -> str:
    if value is True:
        return f" {name}"
    text = f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    return f' {name}="{_escaped(text)}"'


def _escaped(text: str) -> str:
    """A text that a browser shows as it is, whatever control characters it has."""
    return escape(visible(text))
