"""The checks of this project in one command, `python .ci/check.py`.

Without an option: style, lint, imports, types, documentation, the quick fault board, tests.

    --quick      style, lint, imports, types and documentation only; pre-commit runs these
    --all        everything, the slow tests, and the whole fault board: hours
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
SITE = Path(tempfile.gettempdir()) / "flowrig-site"
PYTEST = [sys.executable, "-m", "pytest", "-q", "-n", "3", "--dist", "loadgroup"]
ENV = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}  # the theme prints a banner otherwise
FLOWRIG = [sys.executable, "-m", "flowrig"]

QUICK = [
    [BIN / "ruff", "format", "--check", "."],
    [BIN / "ruff", "check", "."],
    [BIN / "lint-imports", "--no-cache"],
    [sys.executable, "-m", "mypy"],
    [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", SITE],
]
FAULTS = [[*FLOWRIG, "torture", "--quick"]]
TESTS = [PYTEST]
ALL_TESTS = [
    [*PYTEST, "-m", ""],  # the slow tests too, which pyproject.toml leaves out
    [*FLOWRIG, "torture", "--full"],
]


def chosen(options: set[str]) -> list[list[Path | str]]:
    """The commands that the options ask for, fastest first."""
    if "--quick" in options:
        return QUICK
    return QUICK + FAULTS + (ALL_TESTS if "--all" in options else TESTS)


def main() -> int:
    """Run the checks in turn; the first failure ends it."""
    options = set(sys.argv[1:])
    if unknown := options - {"--quick", "--all"}:
        print("unknown:", *sorted(unknown), __doc__, sep="\n", file=sys.stderr)
        return 2
    for command in chosen(options):
        print("+", *(Path(str(part)).name for part in command), flush=True)
        code = subprocess.run(list(map(str, command)), cwd=ROOT, env=ENV, check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
