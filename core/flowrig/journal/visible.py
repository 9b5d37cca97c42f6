"""Text from outside, such as names in a profile or replies of an instrument, in a visible form.

A terminal obeys control characters: they clear the screen, move the cursor, hide words or change
their order. So does a page that shows them. Every text that leaves flowrig passes `visible`.
"""

import re

__all__ = ["visible", "visible_line"]

_UNSAFE = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and line feed, DEL, C1
    "\u00ad\u061c\u180e\u200b\u200e\u200f"  # soft hyphen, marks of direction, no width
    "\u2028-\u202e\u2060-\u206f"  # separators of lines, embeddings, overrides and isolates
    "\ufeff\ufff9-\ufffb"  # byte order mark, annotations
    "\ud800-\udfff"  # halves of a character that UTF-8 does not have
    "\U000e0000-\U000e007f"  # tags
)
"""Characters that do not show, or change how others show (Unicode, UAX #9 and UTS #39)."""

_ANYWHERE = re.compile(f"[{_UNSAFE}]")
_IN_A_LINE = re.compile(f"[\t\n{_UNSAFE}]")


def visible(text: str) -> str:
    """A text with every control character written as an escape, such as `\\x1b` or `\\u202e`.

    Line feeds and tabs stay. A text without control characters is returned as it is.
    """
    return _ANYWHERE.sub(_escape, text)


def visible_line(text: str) -> str:
    """As `visible`, for a text that must not begin a line of its own: no line feed, no tab."""
    return _IN_A_LINE.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
    if character in named:
        return named[character]
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
