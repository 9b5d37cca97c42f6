"""Time of a decision by number of experiments and conditions, as a table and a chart.

Run with `python benchmarks/growth.py --svg docs/images/decision-time.svg`; `pip install
"flowrig[bench]"` adds BoTorch. A decision is a fit to all experiments and the search for the next
condition, by expected improvement of one smooth response; processor time on one thread, the median
of a few.
"""

import argparse
import math
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from regret import OPTIMIZERS, new_gp

from flowrig.interfaces import Problem
from flowrig.learning.blas_threads import one_blas_thread
from flowrig.problem.objective import MaximumResponse
from flowrig.problem.space import Parameter, Space
from flowrig.report.svg.charts import Axes, Axis, Series, chart, curve, note, points
from flowrig.report.svg.markup import tag
from flowrig.report.svg.style import STYLE

EXPERIMENTS = (60, 120, 300, 600)
CONDITIONS = (5, 8, 12)
SHOWN = ("gp", "enn", "botorch")
REPEATS = 3
LONG_S = 5.0
"""A decision that takes longer is timed once."""

Times = Mapping[tuple[str, int], Sequence[float]]
"""Seconds at each number of experiments, by optimizer and number of conditions."""


def decision_s(optimizer: str, experiments: int, conditions: int) -> float:
    """Processor time of a decision [s]."""
    space = Space(tuple(Parameter(f"x{j}", 0.0, 1.0, "") for j in range(conditions)))
    U = np.random.default_rng(0).random((experiments, conditions))
    y = np.sin(3.0 * U).sum(axis=1) + np.prod(U[:, :2], axis=1)
    rows = [{**row, "y": float(v)} for row, v in zip(space.rows(U), y, strict=True)]
    spent: list[float] = []
    while len(spent) < REPEATS and (not spent or spent[-1] < LONG_S):
        asked = OPTIMIZERS[optimizer](Problem(space, MaximumResponse("y"), 0, new_gp))
        asked.ingest(rows)
        with one_blas_thread():
            began = time.process_time()
            asked.suggest()
            spent.append(time.process_time() - began)
    return statistics.median(spent)


def measure(optimizers: Sequence[str]) -> dict[tuple[str, int], list[float]]:
    """Time every optimizer everywhere, telling as it goes."""
    print(f"{'decision [s]':16}" + "".join(f"{f'n = {n}':>10}" for n in EXPERIMENTS), flush=True)
    times: dict[tuple[str, int], list[float]] = {}
    for optimizer in optimizers:
        decision_s(optimizer, 12, 2)  # what is imported is imported now
        for d in CONDITIONS:
            print(f"{optimizer:8} d = {d:2}  ", end="", flush=True)
            row = times[optimizer, d] = []
            for n in EXPERIMENTS:
                row.append(decision_s(optimizer, n, d))
                print(f"{row[-1]:10.3g}", end="", flush=True)
            print()
    return times


def drawn(times: Times) -> str:
    """The chart: the fewest and the most conditions of every optimizer, time in powers of ten."""
    ends = (min(CONDITIONS), max(CONDITIONS))
    shown = {key: [math.log10(s) for s in row] for key, row in times.items() if key[1] in ends}
    every = [value for row in shown.values() for value in row]
    axes = Axes(
        Axis("experiments", 0.0, 660.0, whole=True),
        Axis("seconds a decision, power of 10", math.floor(min(every)), math.ceil(max(every))),
        width=720.0,
        height=360.0,
    )
    marks = []
    names = list(dict.fromkeys(name for name, _ in times))
    for (name, d), row in shown.items():
        style, x = names.index(name), [float(n) for n in EXPERIMENTS]
        hollow = [d == max(CONDITIONS)] * len(x)
        marks.append(tag("g", curve(axes, x, row, "quartile"), class_=f"s{style}"))
        marks.append(points(axes, Series(style=style, x=x, y=row, hollow=hollow)))
        if d == max(CONDITIONS):
            place = _freest(row, list(shown.values()))
            marks.append(note(axes, x[place], row[place], name))
    key = f"filled: {min(CONDITIONS)} conditions, hollow: {max(CONDITIONS)}"
    marks.append(note(axes, 0.5 * axes.x.high, axes.y.low, key))
    picture = chart(axes, *marks, title="Time of a decision by experiments and conditions")
    style = f"<style>svg{{font-family:system-ui,sans-serif}}{STYLE}svg{{background:var(--card)}}"
    head, body = picture.split(">", 1)
    namespaced = head.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    return f"{namespaced}>{style}</style>{body}\n"


def _freest(row: Sequence[float], rows: Sequence[Sequence[float]]) -> int:
    """Where there is most room above a line, from the second point on."""
    room = [
        min((other[i] - value for other in rows if other[i] > value), default=math.inf)
        for i, value in enumerate(row)
    ]
    return max(range(1, len(row)), key=room.__getitem__)


def main() -> None:
    """Print the table and draw the chart."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--optimizers", nargs="+", choices=OPTIMIZERS, default=SHOWN)
    parser.add_argument("--svg", type=Path, help="file for the chart")
    arguments = parser.parse_args()
    times = measure(arguments.optimizers)
    if arguments.svg is not None:
        arguments.svg.write_text(drawn(times), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
