"""The benchmark of the instruments, as far as it can be tested on a busy machine."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "instruments.py"
SMALLEST = ("--blocks", "1", "--pairs", "1", "--frames", "2")


@pytest.mark.slow
def test_every_row_is_measured():
    """Every row has times and ratios that are positive, finite numbers."""
    done = subprocess.run(
        [sys.executable, str(BENCHMARK), "--json", *SMALLEST],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert [row["name"].partition(":")[0] for row in rows] == [
        *["pump"] * 7,
        "heater",
        *["spectrometer"] * 2,
        "rates of 5 pumps at 9600 baud",
        "frames of 6 ms on 2 spectrometers",
        "connecting 8 devices",
    ]
    for row in rows:
        for number in (row["reference_s"], row["flowrig_s"], row["ratio"], *row["quartiles"]):
            assert math.isfinite(number), row
            assert number > 0, row
