"""Files that mean harm, given to the commands that read them: a clear message, and nothing else."""

import hashlib
import io
import json
import os
import sqlite3
import sys
import zipfile
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from flowrig.cli import main
from flowrig.journal.format import FILE_NAME, FORMAT, SCHEMA, array_digest, chained
from flowrig.plugins.registry import Plugins
from flowrig.profile import merged_toml

PROFILE = "cs3cu2i5-heatup-chem3"
LONGEST_MESSAGE = 10_000

Rows = list[tuple[str, str]]
Arrays = list[tuple[int, str, str, str, bytes]]


def forged(path: Path, rows: Rows, arrays: Arrays = ()) -> None:  # type: ignore[assignment]
    """A forged journal whose chain holds."""
    with closing(sqlite3.connect(path)) as file:
        file.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version={FORMAT}; COMMIT")
        chain, wall = "", "2026-01-01T00:00:00.000+00:00"
        for number, (kind, text) in enumerate(rows, 1):
            chain = chained(chain, (number, float(number), wall, kind), text)
            row = (number, float(number), wall, kind, text, chain)
            file.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)", row)
        file.executemany("INSERT INTO array VALUES (?, ?, ?, ?, ?)", arrays)
        file.commit()


BEGUN: dict[str, Any] = {
    "profile": "x", "profile_digest": "", "campaign": "x", "experiments": 1, "seed": 1,
    "objective": {"name": "a", "unit": ""}, "units": {}, "simulated": True, "versions": {},
    "profile_toml": "title = 'x'",
}  # fmt: skip


def begun(**others: Any) -> tuple[str, str]:
    """How a run begins, in a journal that could be one."""
    text = merged_toml(PROFILE, Plugins.discover())
    return "run-started", json.dumps(BEGUN | {"profile_toml": text} | others)


def bomb(path: Path) -> None:
    """200 MB of nothing in an array of one byte."""
    digest = array_digest(b"\0", "|u1", "[1]")
    rows = [begun(), ("calibrated", json.dumps({"arrays": {"a": digest}}))]
    forged(path, rows, [(2, "a", "|u1", "[1]", zlib.compress(bytes(200_000_000), 9))])


def objects(path: Path) -> None:
    """An array of Python objects, which would be addresses in memory."""
    digest = array_digest(bytes(8), "|O8", "[1]")
    rows = [begun(), ("calibrated", json.dumps({"arrays": {"a": digest}}))]
    forged(path, rows, [(2, "a", "|O8", "[1]", zlib.compress(bytes(8)))])


def other_database(path: Path) -> None:
    """SQLite, and no journal."""
    with closing(sqlite3.connect(path)) as file:
        file.execute("CREATE TABLE mine (x)")


JOURNALS: dict[str, Callable[[Path], Any]] = {
    "empty": lambda path: path.write_bytes(b""),
    "random": lambda path: path.write_bytes(hashlib.sha512(b"").digest() * 80),
    "a head": lambda path: path.write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 30),
    "a folder": lambda path: path.mkdir(),
    "another database": other_database,
    "no beginning": lambda path: forged(path, [("measured", "{}")]),
    "empty beginning": lambda path: forged(path, [("run-started", "{}")]),
    "a list": lambda path: forged(path, [("run-started", "[]")]),
    "no JSON": lambda path: forged(path, [("run-started", "{{{{")]),
    "deep JSON": lambda path: forged(path, [("run-started", "[" * 90_000 + "]" * 90_000)]),
    "no profile": lambda path: forged(path, [("run-started", json.dumps(BEGUN))]),
    "a seed of 400 digits": lambda path: forged(path, [begun(seed=10**400)]),
    "wrong types": lambda path: forged(path, [begun(experiments=[], units=3)]),
    "not decided": lambda path: forged(path, [begun(), ("measured", '{"index": 1}')]),
    "objects": objects,
    "bomb": bomb,
}

COMMANDS = (
    ["report"], ["report", "--json"], ["report", "--csv"], ["status"], ["resume"], ["safe"],
    ["replay"], ["export", "--format", "csv"], ["pause"], ["plan"],
)  # fmt: skip


def said(*words: object) -> Result:
    """The output of a command, which is short and never a traceback."""
    done = CliRunner().invoke(main, list(map(str, words)))
    assert isinstance(done.exception, SystemExit | None), (words, done.exception)
    assert len(done.output) < LONGEST_MESSAGE
    return done


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(one, marks=[pytest.mark.slow] * (one in {"bomb", "objects"}))
        for one in JOURNALS
    ],
)
def test_a_hostile_journal_is_refused(name: str, tmp_path: Path) -> None:
    """Every command that reads a run reports the error, and changes no other file."""
    folder = tmp_path / "run"
    folder.mkdir()
    JOURNALS[name](folder / FILE_NAME)
    for command, *options in COMMANDS:
        done = said(command, folder, *options)
        if name not in {"objects", "bomb", "no profile"}:  # what is sound of these is shown
            assert done.exit_code == 2, command
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize(
    "target",
    ["../x", "/dev/zero", "CON", "aux.txt", "x" * 3000, "\u202ex", "a\nb", "", "..", "x\x1b[2J"],
    ids=["up", "zeros", "CON", "aux", "long", "bidi", "lines", "empty", "parent", "escape"],
)
def test_a_hostile_name_of_a_profile_is_refused(target: str, tmp_path: Path) -> None:
    """It is looked for, and neither found nor made."""
    for words in (["check"], ["plan"], ["run", "--simulate", "--out", tmp_path / "run"]):
        assert said(words[0], target, *words[1:]).exit_code == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need rights there")
def test_a_link_in_the_place_of_a_runs_file_is_not_written_through(tmp_path: Path) -> None:
    """Nothing outside the run's folder changes, whatever links are laid out in it."""
    outside = tmp_path / "outside.txt"
    outside.write_text("mine", encoding="utf-8")
    folder = tmp_path / "run"
    for name in (FILE_NAME, "profile.toml"):
        folder.mkdir(exist_ok=True)
        (folder / name).symlink_to(outside)
        assert said("run", PROFILE, "--simulate", "--out", folder).exit_code == 2
        (folder / name).unlink()
    assert outside.read_text(encoding="utf-8") == "mine"


class Villain:
    """What makes a file when it is read by pickle."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> Any:
        return os.mkdir, (self.path,)


def archive(**arrays: Any) -> bytes:
    """A NumPy archive."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def packed_nothing() -> bytes:
    """A small archive of a gigabyte."""
    head = b"\x93NUMPY\x01\x00v\x00{'descr': '|u1', 'fortran_order': False, 'shape': (10**9,), }"
    file = io.BytesIO()
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed,
        packed.open("header.npy", "w") as inside,
    ):
        inside.write(head.ljust(128))
        for _ in range(300):
            inside.write(bytes(2**20))
    return file.getvalue()


@pytest.mark.parametrize("name", ["random", "objects", "deep", "no header", "packed", "folder"])
def test_a_hostile_model_is_refused(name: str, tmp_path: Path) -> None:
    """Nothing in it is executed, and no more of it is read than a model has."""
    trap, file = tmp_path / "trap", tmp_path / "twin.npz"
    content: dict[str, Callable[[], bytes]] = {
        "random": lambda: hashlib.sha512(b"").digest() * 30,
        "objects": lambda: archive(header=np.array([Villain(trap)], dtype=object)),
        "deep": lambda: archive(header=np.frombuffer(b"[" * 100_000, np.uint8)),
        "no header": lambda: archive(a=np.zeros(3)),
        "packed": packed_nothing,
    }
    if name == "folder":
        file.mkdir()
    else:
        file.write_bytes(content[name]())
    done = said("run", PROFILE, "--simulate", f"twin:{file}", "--out", tmp_path / "run")
    assert done.exit_code in {1, 2}
    assert "twin.npz" in done.output
    assert not trap.exists()
    assert not (tmp_path / "run" / "error.txt").exists()


HEAD = "temperature_c,CuI_ul_min,ZnI2_ul_min,CsOA_ul_min,ODE_ul_min,a300,pla\n"


@pytest.mark.parametrize(
    "text",
    [
        "", "a\0b,c\n1,2\n", HEAD, HEAD + "1,2\n", HEAD + "nan,inf,-inf,1e999,1,1,1\n" * 20,
        HEAD + "1e308,1e308,-1e308,1e308,1,1,1\n" * 20, HEAD + "a,b,c,d,e,f,g\n" * 20,
        HEAD + "150,100,100,50,250,1,1\n" * 9000, "x" * 300_000, "," * 50_000, '"' + "a," * 50_000,
    ],
    ids=[
        "empty", "NUL", "head", "short", "not finite", "huge", "texts", "long", "one cell",
        "many cells", "open quote",
    ],
)  # fmt: skip
def test_a_hostile_table_is_refused(text: str, tmp_path: Path) -> None:
    """Nothing is learnt from what is no table of experiments."""
    file = tmp_path / "table.csv"
    file.write_text(text, encoding="utf-8")
    assert said("twin", "cv", file, "--profile", PROFILE).exit_code == 2
    assert said("twin", "report", file, "--profile", PROFILE, "--out", tmp_path).exit_code == 2
