"""Every check in one command, `python .ci/check.py`: style, lint, imports, types, faults, tests."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent

CHECKS = [
    [BIN / "ruff", "format", "--check", "."],
    [BIN / "ruff", "check", "."],
    [BIN / "lint-imports", "--no-cache"],
    [sys.executable, "-m", "mypy"],
    [sys.executable, "-m", "flowrig", "torture", "--quick"],
]
TESTS = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup"]


def main() -> int:
    """Run the checks in turn; the first failure ends it."""
    commands = CHECKS if "--no-tests" in sys.argv else [*CHECKS, TESTS]
    for command in commands:
        print("+", *(Path(str(part)).name for part in command), flush=True)
        if code := subprocess.run(list(map(str, command)), cwd=ROOT, check=False).returncode:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
