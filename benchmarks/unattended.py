"""How long a rig runs alone, and how many experiments an hour it measures.

Run with `python benchmarks/unattended.py`, or with `--hours 4 --profile NAME` for another rig. It
measures random conditions, ordered by heating, on the emulated rig until the time is over, with
fewer frames than the profile takes, spread over the same time. Nobody answers a hold: a run that
needs a person ends there.
"""

import argparse
import tempfile
from collections import Counter
from pathlib import Path

from flowrig.journal.events import HoldBegun, Intent
from flowrig.plugins.registry import Plugins
from flowrig.profile import load_profile
from flowrig.run.options import RunOptions
from flowrig.run.start import start_run
from flowrig.run_record.scorecard import scorecard_of

CAMPAIGN = """
extends = "{name}"
unset = ["campaign"]

[analysis]
frames = {frames}
frame_interval = "{interval_ms} ms"
reactive_frames = {reactive}

[campaign]
stop = {{ at_most = "{hours} h" }}

[[campaign.stages]]
name = "alone"
optimizer = "random"
experiments = {experiments}
batch = 100
order = "least-heating"
"""

LEAST_S = 60.0
"""No experiment is shorter [s]; so many are planned that the time ends first."""


def campaign(name: str, hours: float, frames: int, plugins: Plugins) -> str:
    """The campaign, whose samples take as long as those of the profile."""
    analysis = load_profile(name, plugins).analysis
    sample_ms = analysis.frames * analysis.frame_interval_s * 1000
    return CAMPAIGN.format(
        name=name,
        frames=frames,
        interval_ms=sample_ms / frames,
        reactive=max(1, frames // 4),
        hours=hours,
        experiments=int(hours * 3600 / LEAST_S),
    )


def main() -> None:
    """Print one line for each number."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="cs3cu2i5-heatup-fast")
    parser.add_argument("--hours", type=float, default=48.0)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="folder of the run; it is kept")
    wanted = parser.parse_args()
    plugins = Plugins.discover()
    with tempfile.TemporaryDirectory(prefix="flowrig-unattended-") as home:
        file = Path(home) / "alone.toml"
        text = campaign(wanted.profile, wanted.hours, wanted.frames, plugins)
        file.write_text(text, encoding="utf-8")
        folder = wanted.out or Path(home) / "run"
        outcome = start_run(file, RunOptions(folder=folder, simulate=True, seed=wanted.seed))
        print(f"{wanted.profile}: {outcome.state}, {outcome.reason}")
        with outcome.record() as record:
            done = record.experiments()
            draws = Counter(
                stream
                for event in record.journal.events(Intent)
                if event.data.command == "draw"
                for stream in event.data.volumes_ul or ()
            )
            holds = [event.data.text for event in record.journal.events(HoldBegun)]
            card = scorecard_of(record)
            time_s = card.time.total_s
            waste_ul = sum(record.ledger().waste.filled_ul.values())
        print(f"experiments {len(done)}, rig time {time_s / 3600:.2f} h")
        print(f"experiments an hour {3600 * len(done) / done[-1].ended_s:.1f}")
        print(f"qualities {dict(Counter(one.quality for one in done))}")
        print(f"syringes filled by valve {dict(draws)}; waste {waste_ul / 1e6:.2f} L")
        print(f"asked of a person {holds or 'nothing'}")
        for share, part in card.time.fractions.items():
            print(f"  {share} {part:.1%}")


if __name__ == "__main__":
    main()
