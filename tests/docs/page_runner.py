"""Does what a page of the documentation says, in the order in which a reader meets it."""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from types import ModuleType

import pytest
import tomlkit
from click.testing import CliRunner
from docs_pages import Block, blocks, says

from flowrig.cli import main

__all__ = ["PageRunner"]

LIMIT_S = 250

IN_PROCESS = frozenset({"check", "plan", "profile", "report", "status"})
"""Commands that only read and print: a process of its own costs more than all that they do."""


class PageRunner:
    """A reader with an empty folder, a shell and a Python prompt.

    Args:
        page: the page.
        folder: where files are written and commands run.
        monkeypatch: undoes what Python blocks need of this process.
    """

    def __init__(self, page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._page = page
        self._folder = folder
        self._installed = folder / "installed"
        self._module = ModuleType("__docs__")
        self._printed = ""
        self._do: dict[str, Callable[[Block], None]] = {
            "python": self._run_python,
            "console": self._run_console,
            "text": self._compare,
        }
        monkeypatch.setitem(sys.modules, "__docs__", self._module)
        monkeypatch.syspath_prepend(str(self._installed))
        monkeypatch.chdir(folder)

    def run(self) -> None:
        """Go through the page."""
        for block in blocks(self._page):
            if not block.is_run:
                continue
            if block.file:
                self._write(block.file, block.body)
            elif block.language in self._do:
                self._do[block.language](block)

    def _write(self, name: str, body: str) -> None:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body, encoding="utf-8")

    def _run_python(self, block: Block) -> None:
        code = compile("\n" * (block.line - 1) + block.body, str(self._page), "exec")
        with redirect_stdout(StringIO()) as printed:
            exec(code, self._module.__dict__)
        self._printed = printed.getvalue()

    def _compare(self, block: Block) -> None:
        missing = says(block.body, self._printed)
        assert not missing, f"{self._where(block)}: {missing!r} is not in\n{self._printed}"

    def _run_console(self, block: Block) -> None:
        for step in block.body.removeprefix("$ ").split("\n$ "):
            command, _, expected = step.partition("\n")
            words = shlex.split(command.partition("  #")[0])
            if words[:2] == ["pip", "install"]:
                self._install(self._folder / words[-1])
                continue
            code, output = self._call(words)
            assert code == block.exits, f"{self._where(block)}: {command}\n{output}"
            missing = says(expected, output)
            assert not missing, f"{self._where(block)}: {missing!r} is not in\n{output}"

    def _call(self, words: list[str]) -> tuple[int, str]:
        assert words[0] == "flowrig", f"{self._page}: no such program: {words[0]}"
        if words[1] in IN_PROCESS and not self._installed.exists():
            return self._call_here(words[1:])
        path = os.pathsep.join(filter(None, (str(self._installed), os.environ.get("PYTHONPATH"))))
        done = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=self._folder,
            env=os.environ | {"PYTHONPATH": path, "PYTHONUTF8": "1", "COLUMNS": "160"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=LIMIT_S,
            check=False,
        )
        return done.returncode, done.stdout

    @staticmethod
    def _call_here(words: list[str]) -> tuple[int, str]:
        done = CliRunner(env={"COLUMNS": "160"}).invoke(main, words)
        if not isinstance(done.exception, SystemExit | None):
            raise done.exception
        return done.exit_code, done.output

    def _install(self, source: Path) -> None:
        """What `pip install -e` leaves behind: the modules on the path, and the metadata."""
        project = tomlkit.parse((source / "pyproject.toml").read_text(encoding="utf-8")).unwrap()
        name, version = project["project"]["name"], project["project"]["version"]
        metadata = self._installed / f"{name.replace('-', '_')}-{version}.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8"
        )
        entries = project["project"]["entry-points"]["flowrig"]
        lines = ["[flowrig]", *(f"{key} = {value}" for key, value in entries.items()), ""]
        (metadata / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
        for module in entries.values():
            (source / module).rename(self._installed / module)

    def _where(self, block: Block) -> str:
        return f"{self._page.name}:{block.line}"
