"""Places of keys and values in TOML texts."""

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
import tomlkit
from hypothesis import assume, given
from hypothesis import strategies as st

from flowrig.profile.problems import Path, ProfileError
from flowrig.profile.source import parse_text
from flowrig.profile.toml_positions import DEEPEST, Lines, TomlShapeError, scan

KEYS = st.sampled_from(["a", "b", "c-d", "é", "x y", "1", "q'\"", "long_key_name", ""])
BLANKS = st.sampled_from(["", " ", "\t", "  "])
GAPS = st.sampled_from(["", "\n", '  # a comment with [x] = 1 and "quotes\n', "\r\n", "\n\n"])


def key_text(key: str) -> str:
    bare = key.replace("-", "").replace("_", "")
    return key if bare.isalnum() and bare.isascii() else tomlkit.key([key]).as_string()


@st.composite
def scalars(draw: st.DrawFn) -> str:
    """A value of one of TOML's plain kinds, as text."""
    number = draw(st.integers(0, 10**6))
    return draw(
        st.sampled_from(
            [
                f"{number}",
                f"-{number}.5e3",
                "true",
                "1979-05-27T07:32:00Z",
                f'"text {number} # no comment, \\"quoted\\" = ]"',
                f"'literal {number} \\ }}'",
                f'"""\nmany\nlines {number} "" """',
                f"'''literal\n{number} '' '''",
                '""',
                "''",
            ]
        )
    )


@st.composite
def values(draw: st.DrawFn, depth: int = 0) -> str:
    """A value as text: plain, an array, or an inline table."""
    kind = draw(st.integers(0, 4 if depth < 3 else 2))
    if kind == 3:
        gap = draw(GAPS)
        items = draw(st.lists(values(depth=depth + 1), max_size=3))
        comma = draw(st.sampled_from(["", ","])) if items else ""
        return f"[{gap}{f' ,{gap}'.join(items)}{gap}{comma}{gap}]"
    if kind == 4:
        items = draw(st.lists(st.tuples(KEYS, values(depth=depth + 1)), max_size=3))
        blank = draw(BLANKS)
        return "{" + ",".join(f"{blank}{key_text(k)} ={blank}{v}" for k, v in items) + blank + "}"
    return draw(scalars())


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A TOML text with headers in any order, dotted and quoted keys, comments and blanks."""
    text = ""
    dotted = st.lists(KEYS, min_size=1, max_size=3)
    for header in [None, *draw(st.lists(dotted, max_size=5))]:
        if header is not None:
            dot = draw(st.sampled_from([".", " . "]))
            name = dot.join(key_text(key) for key in header)
            opening, closing = draw(st.sampled_from([("[", "]"), ("[ ", " ]"), ("[[", "]]")]))
            text += draw(BLANKS) + opening + name + closing + draw(BLANKS) + "\n"
        for key in draw(st.lists(dotted, max_size=3)):
            name = ".".join(key_text(one) for one in key)
            text += f"{draw(BLANKS)}{name}{draw(BLANKS)}={draw(BLANKS)}{draw(values())}"
            text += draw(st.sampled_from(["\n", " # comment\n", "\r\n", "\n\n"]))
    return text


def content_of(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        assume(False)
        raise


def paths_of(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in inner:
        yield (*path, key), one
        if isinstance(one, dict | list):
            yield from paths_of(one, (*path, key))


@given(documents())
def test_every_key_and_value_stands_where_it_is_said_to(text: str) -> None:
    """At a key's offset stands the key; at a value's offset a text that reads as the value."""
    content = content_of(text)
    spans = scan(text)
    found = dict(paths_of(content))
    assert set(spans) == set(found)
    for path, span in spans.items():
        if isinstance(path[-1], str):
            token = key_text(path[-1])
            assert text[span.key :].startswith(token)
        if span.value != span.key:
            assert reads_as(text[span.value :], found[path])
        if span.text is not None:
            assert text[span.text :].startswith(found[path].lstrip("\n"))


def reads_as(text: str, value: Any) -> bool:
    """Whether some beginning of a text is a TOML value equal to the given one."""
    for end in range(1, len(text) + 1):
        try:
            if tomllib.loads(f"v = {text[:end]}") == {"v": value}:
                return True
        except tomllib.TOMLDecodeError:
            continue
    return False


@given(documents())
def test_what_is_read_is_what_the_text_says(text: str) -> None:
    """Values are those that the standard library reads."""
    content = content_of(text)
    assert parse_text(text, "file.toml").content == content


@given(documents())
def test_content_survives_being_written_anew(text: str) -> None:
    """The text that tomlkit writes for plain content reads back as the same content."""
    content = content_of(text)
    assert tomllib.loads(tomlkit.dumps(content)) == content


@given(st.text(alphabet="ab=\"'[]{}.,#\\\n\r\t é1", max_size=40))
def test_no_text_breaks_the_scanner(text: str) -> None:
    """Any text is scanned or refused at an offset inside it."""
    try:
        scan(text)
    except TomlShapeError as error:
        assert 0 <= error.offset <= len(text)  # noqa: PT017


@given(st.text(alphabet="ab=\"'[]{}.,#\\\n\r\t é1", max_size=40))
def test_texts_that_are_not_toml_are_refused(text: str) -> None:
    """Whatever the standard library refuses is a problem with a place, never a crash."""
    try:
        document = parse_text(text, "file.toml")
    except ProfileError as error:
        (problem,) = error.problems
        assert problem.line >= 1
        assert problem.column >= 1
    else:
        assert isinstance(document.content, dict)


@given(st.text(alphabet="ab\n\ré", max_size=40))
def test_lines_and_columns_count_from_one(text: str) -> None:
    """Line and column lead back to the offset."""
    lines = Lines(text)
    for offset in range(len(text) + 1):
        line, column = lines.locate(offset)
        before = text[:offset]
        assert line == before.count("\n") + 1
        assert column == len(before.rpartition("\n")[2]) + 1


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        ("a = [1, 2", 4, "not closed"),
        ("a = {b = 1", 4, "not closed"),
        ('a = "open\nb = 1', 4, "not closed"),
        ('a = """open', 4, "not closed"),
        ("a 1", 2, "unexpected"),
        ("a =", 3, "missing"),
        ("a = 1 b = 2", 6, "unexpected"),
        ("[a\nb = 1", 2, "unexpected"),
        ("a = 1\na = 2", 6, "written twice, first on line 1"),
        ("[a]\n[b]\n[a]", 9, "written twice, first on line 1"),
        ("a = 1\n[a]", 7, "written twice"),
        ("a = 1\na.b = 2", 6, "written twice"),
        ("[[a]]\n[a]", 7, "written twice"),
        ("[a]\n[[a]]", 6, "written twice"),
        ("a = {b = 1, b = 2}", 12, "written twice"),
        ("a = " + "[" * 60, 4 + DEEPEST, "nested too deeply"),
        (".".join("a" * 60) + " = 1", 2 * DEEPEST, "nested too deeply"),
    ],
)
def test_broken_shapes_are_refused_where_they_break(text: str, offset: int, message: str) -> None:
    """Brackets, quotes, missing values and repeated keys are reported at their own place."""
    with pytest.raises(TomlShapeError, match=message) as caught:
        scan(text)
    assert caught.value.offset == offset
