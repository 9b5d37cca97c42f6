"""What `flowrig run` and `flowrig report` print of a run."""

import csv
import io
import json
from typing import Any


def test_a_run_can_be_read_by_people_and_programs(finished: Any, flowrig: Any) -> None:
    """Lines have a head with units; CSV and JSON have a value for each experiment and its unit."""
    out = finished.folder
    lines = finished.stdout.splitlines()
    head = next(n for n, line in enumerate(lines) if line.startswith("explore  temperature"))
    assert lines[head + 1].split() == ["°C", *["µL/min"] * 4]
    assert [line.split()[0] for line in lines[head + 2 : head + 4]] == ["1/5", "2/5"]

    rows = list(csv.DictReader(io.StringIO(flowrig("report", out, "--csv").stdout)))
    assert [row["index"] for row in rows] == ["1", "2", "3", "4", "5"]
    assert {"temperature_c", "CuI_ul_min", "objective", "quality", "flags"} <= set(rows[0])

    printed = flowrig("report", out, "--json").stdout
    assert "\\u" not in printed
    conditions = json.loads(printed)["best"]["conditions"]
    assert conditions["CuI"]["unit"] == "µL/min"
