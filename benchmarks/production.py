"""Eight hours of production on the emulated reference rig: its lamp fades, and a pump is worn.

Run with `python benchmarks/production.py`, or with `--seeds 100 --healthy` for what is refused
where nothing is wrong. The rig is that of `cs3cu2i5-heatup-fast`, whose syringes fill themselves,
through its real drivers; looks have fewer frames than those of the profile, spread over the same
time. The lamp and the LED lose 1 % of their light an hour, and the pump of ODE delivers 5 % less
after eight hours; `--worn` names another.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from plans import off

from flowrig.journal.events import FractionMade
from flowrig.planning.plan import plan_campaign
from flowrig.run.options import RunOptions
from flowrig.run.start import start_run
from flowrig.run_record.reader import RunRecord

PRODUCTION = """
extends = "cs3cu2i5-heatup-fast"
unset = ["campaign"]

[analysis]
frames = {frames}
frame_interval = "{interval_ms} ms"
reactive_frames = {reactive}

[simulation]
{faults}

[[campaign.stages]]
name = "make"
study = "production"
duration = "{hours} h"
look_every = "{every_s} s"
outside = "{outside}"
keep = {{ a300 = "±10 %", pla = "±10 %" }}
[campaign.stages.at]
temperature = "160 degC"
CuI = "110 uL/min"
ZnI2 = "110 uL/min"
CsOA = "40 uL/min"
ODE = "250 uL/min"
"""

SAMPLE_MS = 10_000.0
"""How long [ms] frames of the profile are taken."""

FAULTS = """
lamp_fade_per_h = 0.01
delivery_loss_per_h = {{ {stream} = {loss} }}
"""

WATCHED = ("a300", "pla")
"""The features that limits are given for."""


def production(wanted: argparse.Namespace) -> str:
    """The profile of a production."""
    frames, faults = wanted.frames, FAULTS.format(stream=wanted.worn, loss=0.05 / 8.0)
    return PRODUCTION.format(
        frames=frames,
        interval_ms=SAMPLE_MS / frames,
        reactive=max(1, frames // 4),
        faults="" if wanted.healthy else faults,
        hours=wanted.hours,
        every_s=wanted.every,
        outside=wanted.outside,
    )


def told(record: RunRecord) -> Iterator[str]:
    """When each drift at the first condition was told, and what it had cost by then, by a line
    through all looks at it."""
    every = record.experiments()
    looks = [one for one in every if one.decision.conditions == every[0].decision.conditions]
    hours = np.array([one.ended_s - looks[0].ended_s for one in looks]) / 3600.0
    for name in WATCHED:
        slope, begun = np.polyfit(hours, [one.features[name] for one in looks], 1)
        for told_h, one in zip(hours, looks[1:], strict=False):
            if f"{name} drifts by" in one.decision.reason:
                off = slope * told_h / begun
                yield (
                    f"{name} drifts by {slope / begun:+.1%} an hour, told after {told_h:.1f} h, "
                    f"{off:+.1%} off by then ({off / 2.0:+.1%} on the average of what was made)"
                )
                break


def show(record: RunRecord) -> bool:
    """Print what a run showed; returns whether something was refused."""
    made = [event.data for event in record.journal.events(FractionMade)]
    kept_ml = sum(one.volume_ul for one in made if one.kept) / 1000.0
    refused = [one for one in made if not one.kept]
    print(f"  {len(made)} fractions, {kept_ml:.1f} mL kept, {len(refused)} fractions refused")
    for text in told(record):
        print(f"  {text}")
    for one in refused:
        print(f"  refused after {one.ended_s / 3600.0:.1f} h: fraction {one.number}, {one.reason}")
    for index in {n for one in made for n in one.experiments}:
        for channel in ("absorbance", "photoluminescence"):
            record.spectrum(index, channel)  # an error if the journal has none
    for study in record.summary()["studies"]:
        for one in study["findings"]:
            if one["text"].startswith("from experiment"):
                print(f"  {one['text']}")
    print(f"  plan is off: {off(plan_campaign(record.profile, record.seed), record)}", flush=True)
    return bool(refused)


def main() -> None:
    """Print some lines for each seed, and how many refused something."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--healthy", action="store_true", help="nothing fades or wears")
    parser.add_argument("--worn", default="ODE", help="the stream whose pump is worn")
    parser.add_argument("--outside", default="refuse", help="what follows a look outside")
    parser.add_argument("--hours", type=float, default=8.0)
    parser.add_argument("--every", type=float, default=120.0, help="time between looks [s]")
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    wanted = parser.parse_args()
    text = production(wanted)
    refusing = 0
    for seed in range(wanted.first, wanted.first + wanted.seeds):
        with tempfile.TemporaryDirectory(prefix="flowrig-production-") as home:
            file = Path(home) / "make.toml"
            file.write_text(text, encoding="utf-8")
            began_s = time.process_time()
            options = RunOptions(folder=Path(home) / "run", simulate=True, seed=seed)
            outcome = start_run(file, options)
            took_s = time.process_time() - began_s
            print(
                f"seed {seed}: {outcome.state} {outcome.reason}, {took_s:.0f} s of processor time"
            )
            with outcome.record() as record:
                refusing += show(record)
    print(f"{refusing} of {wanted.seeds} runs refused something")


if __name__ == "__main__":
    main()
