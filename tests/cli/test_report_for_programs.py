"""What `flowrig run` and `flowrig report` print of a run."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_a_run_can_be_read_by_people_and_programs(
    short: Callable[..., Path], flowrig: Any, tmp_path: Path
) -> None:
    """Lines have a head with units; CSV and JSON have a value for each experiment and its unit."""
    out = tmp_path / "run"
    lines = flowrig("run", short(2, 1), "--simulate", "--out", out).stdout.splitlines()
    head = next(n for n, line in enumerate(lines) if line.startswith("explore  temperature"))
    assert lines[head + 1].split() == ["°C", *["µL/min"] * 4]
    assert [line.split()[0] for line in lines[head + 2 : head + 4]] == ["1/3", "2/3"]

    rows = list(csv.DictReader(io.StringIO(flowrig("report", out, "--csv").stdout)))
    assert [row["index"] for row in rows] == ["1", "2", "3"]
    assert {"temperature_c", "CuI_ul_min", "objective", "quality", "flags"} <= set(rows[0])

    printed = flowrig("report", out, "--json").stdout
    assert "\\u" not in printed
    conditions = json.loads(printed)["best"]["conditions"]
    assert conditions["CuI"]["unit"] == "µL/min"
