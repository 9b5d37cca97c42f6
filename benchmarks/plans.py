"""Errors of plans: predictions of `flowrig plan`, compared with the runs of the campaign.

Run with `python benchmarks/plans.py RUN RUN …`, on finished runs of one campaign with different
seeds, for instance `flowrig run cs3cu2i5-heatup-chem3 --simulate --seed 1 --out s1`. Each line
has the errors of one plan for one run: of the total volume, of the worst stream, and of the time.
"""

import argparse
from pathlib import Path

from flowrig.journal.events import Outcome, SafeStateSought
from flowrig.planning.expected_conditions import expected_conditions
from flowrig.planning.plan import Plan, plan_campaign
from flowrig.plugins.registry import Plugins
from flowrig.run_record.experiment import Experiment
from flowrig.run_record.reader import RunRecord

DRAWS = 64
"""Likely conditions that are drawn from a model, as `flowrig plan` does."""


class Beginning(RunRecord):
    """A run as it was at the end of its first stage."""

    def experiments(self) -> list[Experiment]:
        """What was measured by then."""
        return super().experiments()[: self.campaign.stages[0].experiments]


def taken(record: RunRecord) -> tuple[float, dict[str, float]]:
    """How long a run took [s], and what each stream delivered [µL]."""
    ended = record.journal.last(SafeStateSought)
    assert ended is not None
    delivered = dict.fromkeys(record.profile.streams, 0.0)
    for event in record.journal.events(Outcome):
        for stream, volume_ul in (event.data.dispensed_ul or {}).items():
            delivered[stream] += volume_ul
    return ended.time_s, delivered


def off(plan: Plan, record: RunRecord) -> str:
    """What a plan is off, in words."""
    time_s, delivered = taken(record)
    streams = {s: plan.volumes_ul[s] / ul - 1 for s, ul in delivered.items()}
    worst = max(streams, key=lambda stream: abs(streams[stream]))
    total = plan.waste_ul / sum(delivered.values()) - 1
    return (
        f"volume {total:+.2%}, {worst} {streams[worst]:+.1%}, time {plan.time_s / time_s - 1:+.2%}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    runs: list[Path] = parser.parse_args().runs
    plugins = Plugins.discover()
    for folder in runs:
        with RunRecord(folder, plugins) as record, Beginning(folder, plugins) as beginning:
            profile, seed = record.profile, record.seed
            time_s, delivered = taken(record)
            print(f"{folder}: {sum(delivered.values()) / 1000:.1f} mL, {time_s / 60:.0f} min")
            print(f"  drawn at random: {off(plan_campaign(profile, seed), record)}")
            for other in runs:
                if other != folder:
                    with RunRecord(other, plugins) as known:
                        likely = expected_conditions(known, profile, DRAWS)
                    told = plan_campaign(profile, seed, None, likely)
                    print(f"  like {other}: {off(told, record)}")
            likely = expected_conditions(beginning, profile, DRAWS)
            told = plan_campaign(profile, seed, None, likely)
            print(f"  its own first stage: {off(told, record)}")
            decided: dict[str, list[dict[str, float]]] = {}
            for one in record.decisions():
                decided.setdefault(one.stage, []).append(dict(one.conditions))
            print(f"  all decided: {off(plan_campaign(profile, seed, decided), record)}")


if __name__ == "__main__":
    main()
