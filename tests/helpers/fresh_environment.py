"""A stranger's computer: wheels of flowrig and of plugins in a fresh virtual environment."""

import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import field, frozen

__all__ = ["ACME", "ROOT", "Bare", "Lab", "build_wheels", "run"]

ROOT = Path(__file__).parents[2]
ACME = ROOT / "examples" / "acme-drip"
OFFLINE = ("NewConnectionError", "ProxyError", "ConnectTimeoutError", "NameResolutionError")
COMMAND_LIMIT_S = 240


def run(*command: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command without anything of this environment on Python's path."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment | {"PYTHONUTF8": "1", "COLUMNS": "200"},
        capture_output=True,
        encoding="utf-8",
        timeout=COMMAND_LIMIT_S,
        check=False,
    )


@frozen
class Lab:
    """A virtual environment of its own, and the folder that commands run in."""

    folder: Path

    @property
    def programs(self) -> Path:
        return self.folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin")

    @property
    def site_packages(self) -> Path:
        where = "import sysconfig; print(sysconfig.get_path('purelib'))"
        done = run(self.programs / "python", "-c", where, cwd=self.folder)
        return Path(done.stdout.strip())

    def create(self) -> None:
        venv.create(self.folder / "venv", with_pip=True)

    def install(self, *requirements: object) -> None:
        """Install with pip, as a person would; skip where there is no network."""
        pip = (self.programs / "python", "-m", "pip", "install", "--quiet", "--no-compile")
        done = run(*pip, "-c", ROOT / "constraints.txt", *requirements, cwd=self.folder)
        if done.returncode and any(sign in done.stderr for sign in OFFLINE):
            pytest.skip("no package index can be reached")
        assert done.returncode == 0, done.stderr

    def flowrig(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run the command line that pip installed."""
        return run(self.programs / "flowrig", *arguments, cwd=self.folder)

    def json(self, *arguments: object) -> Any:
        """What a command prints as JSON."""
        done = self.flowrig(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    @contextmanager
    def stray(self, name: str, version: str, entry: str, module: str = "") -> Iterator[None]:
        """A further distribution with one entry point, as its installed files."""
        metadata = self.site_packages / f"{name.replace('-', '_')}-{version}.dist-info"
        source = self.site_packages / f"{entry.rpartition(' ')[2]}.py"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n", encoding="utf-8")
        (metadata / "entry_points.txt").write_text(f"[flowrig]\n{entry}\n", encoding="utf-8")
        source.write_text(module, encoding="utf-8")
        try:
            yield
        finally:
            source.unlink()
            for file in metadata.iterdir():
                file.unlink()
            metadata.rmdir()


@frozen
class Bare:
    """What commands said before any extra was installed, by command."""

    lab: Lab
    wheels: Mapping[str, Path]
    said: dict[str, subprocess.CompletedProcess[str]] = field(factory=dict)


def build_wheels(projects: Sequence[Path], out: Path) -> list[Path]:
    """Build distributions side by side, with this environment's build tools.

    Returns:
        the wheels, in the order of the projects.
    """
    build = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir")
    running = [
        subprocess.Popen(
            [*build, out / project.name, project],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for project in projects
    ]
    for process in running:
        said, _ = process.communicate(timeout=COMMAND_LIMIT_S)
        assert process.returncode == 0, said
    return [wheel for project in projects for wheel in (out / project.name).iterdir()]
