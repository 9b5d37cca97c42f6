"""Profiles that mean harm, or that nobody meant: one clear message, soon, and nothing else."""

import copy
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowrig.plugins.registry import Plugins
from flowrig.profile import ProfileError, check_profile, load_profile, merged_toml
from flowrig.profile.library import shipped_folder

CORPUS = Path(__file__).parent / "hostile"
LONGEST_MESSAGE = 10_000
EXAMPLES = int(os.environ.get("FLOWRIG_HOSTILE_EXAMPLES", "16"))
"""How many mutated profiles are tried; a night's worth by the environment."""

MADE = {
    "ten megabytes": "# " + "x" * 10_000_000,
    "deep arrays": "a = " + "[" * 90_000 + "]" * 90_000,
    "deep tables": "a = " + "{b = " * 40_000 + "1" + "}" * 40_000,
    "deep keys": ".".join("a" * 500) + " = 1",
    "many keys": "".join(f"a{n} = 1\n" for n in range(15_000)),
    "many tables": "".join(f"[streams.x{n}]\npump = 'p'\n" for n in range(4000)),
    "many variables": "[[space]]\n" * 15_000,
    "a long number": "a = " + "9" * 190_000,
    "a long text": "title = '" + "x" * 190_000 + "'",
    "an open text": "a = '" + "x" * 190_000,
    "backslashes": '"' + "\\" * 190_000,
    "blanks": " " * 190_000 + "x",
    "a NUL": "title = 'a\0b'",
    "a lone surrogate": 'title = "\\ud800"',
    "nothing": "",
}
"""Texts that are too long, or too odd, to be kept as files."""

ATOMS: tuple[Any, ...] = (
    "", " ", "\0", "\u202egnp.exe", "x" * 300, "../x", "/etc/passwd", "CON", "aux.txt", "C:\\x",
    "nan", "inf", "nan mL", "inf uL/min", "1e999 mL", "1e-300 uL/min", "-1 mL", "0 mL", "1e300 s",
    "9" * 40 + " mL", "1e-320 s", "plate", "CuI", "reactor", 0, 1, -1, 2**63 - 1, -(2**63), 10**9,
    1e308, -1e308, 5e-324, -0.0, True, [], {}, [[]], [{}], [0, 0], [1e308, -1e308], "1/0",
    "CuI/0", "(" * 400, "0.5 * (CuI + " * 40, "CuI**999999", "%s%n", "{x}", "\x1b[2J", "a\nb",
    "__import__('os')", "lhs", "gp", "fluidic",
)  # fmt: skip


def refused(text: str, folder: Path, plugins: Plugins) -> str:
    """What is said about a text that is no profile."""
    file = folder / "hostile.toml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(ProfileError) as said:
        load_profile(file, plugins)
    return str(said.value)


@pytest.mark.parametrize("name", MADE)
def test_what_is_too_much_is_refused(name: str, tmp_path: Path, plugins: Plugins) -> None:
    """However it is too large, deep or odd, the message is short and names the file."""
    said = refused(MADE[name], tmp_path, plugins)
    assert "hostile.toml" in said
    assert len(said) < LONGEST_MESSAGE


@pytest.mark.parametrize("file", sorted(CORPUS.glob("*.toml")), ids=lambda file: file.stem)
def test_what_means_harm_is_refused(file: Path, plugins: Plugins) -> None:
    """Each file of the corpus; what it says about itself in its first line is in the message."""
    expected = file.read_text(encoding="utf-8").splitlines()[0].removeprefix("# refused: ")
    with pytest.raises(ProfileError) as said:
        load_profile(file, plugins)
    assert expected in str(said.value)


def test_profiles_that_extend_each_other_without_end_are_refused(
    tmp_path: Path, plugins: Plugins
) -> None:
    """Neither a circle nor a long chain takes time or memory."""
    for number in range(40):
        text = f"extends = 'p{number + 1}.toml'\n" + "".join(f"a{n} = 1\n" for n in range(900))
        (tmp_path / f"p{number}.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ProfileError, match="more than 16 profiles extend each other"):
        load_profile(tmp_path / "p0.toml", plugins)
    (tmp_path / "p3.toml").write_text("extends = 'p0.toml'", encoding="utf-8")
    with pytest.raises(ProfileError, match="in a circle"):
        load_profile(tmp_path / "p0.toml", plugins)


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of everything in a profile."""
    if path:
        yield path
    if isinstance(value, dict):
        inside = list(value.items())
    else:
        inside = list(enumerate(value)) if isinstance(value, list) else []
    for key, inner in inside:
        yield from paths(inner, (*path, key))


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def mutate(content: Any, draw: random.Random) -> None:
    """Do something to one place of a profile that nobody would do."""
    everywhere = list(paths(content))
    *above, key = draw.choice(everywhere)
    parent = at(content, tuple(above))
    match draw.randrange(5):
        case 0:
            del parent[key]
        case 1 | 2:
            parent[key] = copy.deepcopy(draw.choice(ATOMS))
        case 3:
            parent[key] = copy.deepcopy(at(content, draw.choice(everywhere)))
        case _ if isinstance(parent, dict):
            parent[draw.choice([atom for atom in ATOMS if isinstance(atom, str)])] = parent.pop(key)
        case _:
            parent.extend([copy.deepcopy(parent[key])] * draw.choice([1, 3, 200]))


@settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)
@given(draw=st.randoms(use_true_random=False), times=st.integers(1, 4))
def test_a_mutated_profile_loads_or_is_refused(
    draw: random.Random, times: int, tmp_path: Path, plugins: Plugins
) -> None:
    """Whatever is changed in the reference profile: it is a profile, or an error with places."""
    content = tomlkit.parse(
        merged_toml(shipped_folder() / "cs3cu2i5-heatup.toml", plugins)
    ).unwrap()
    for _ in range(times):
        mutate(content, draw)
    file = tmp_path / "mutated.toml"
    file.write_text(tomlkit.dumps(content), encoding="utf-8")
    assert sum(map(len, map(str, check_profile(file, plugins)[:50]))) < LONGEST_MESSAGE


@settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)
@given(text=st.text(alphabet="[]{}=.,\"'\\\n\r\t #a1-+_\0\u202e\u00b5", max_size=200))
def test_a_random_text_is_refused(text: str, tmp_path: Path, plugins: Plugins) -> None:
    """No text without the tables of a profile is one, and none is worse than wrong."""
    assert len(refused(text, tmp_path, plugins)) < LONGEST_MESSAGE
