"""`flowrig plan`: predicts time, volumes and refills of a campaign."""

import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from attrs import asdict

from flowrig.cli.runs.study_option import study_option
from flowrig.cli.terminal.printing import print_json, print_paragraph, progress_bar, say
from flowrig.journal.sound_folder import sound_folder

if TYPE_CHECKING:
    from flowrig.planning.known_conditions import Conditions
    from flowrig.planning.plan import Plan
    from flowrig.profile import Profile

__all__ = ["plan"]

DRAWN = 64
"""Number of expected conditions that are drawn from a model."""

ROLES = ("reagent", "solvent", "carrier")

_AT_THE_BEST = "where a model expects the best objective"


@click.command(short_help="Predict how long a campaign takes, and the volumes that it needs.")
@click.argument("campaign")
@click.option(
    "--like",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="RUN",
    help="A run of such a rig, real or simulated; its measurements predict the conditions that an "
    "optimizer will choose.",
)
@click.option(
    "--rehearse",
    is_flag=True,
    help="Run the campaign on the emulated rig first, to learn which conditions are chosen.",
)
@click.option("--seed", type=int, help="Of the run that is planned; default: that of the campaign.")
@study_option("Plan this study in place of the campaign.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def plan(
    campaign: str,
    *,
    like: Path | None,
    rehearse: bool,
    seed: int | None,
    study: str | None,
    as_json: bool,
) -> None:
    """Predict how long CAMPAIGN takes, its volume from each syringe, and when to refill.

    CAMPAIGN is a campaign file, or a rig profile by name or path, as for `flowrig run`; or the
    folder of a run, whose decided conditions are then used. The procedures of the run are computed
    without a rig: no port is opened, and nothing moves. For conditions that depend on results, the
    plan uses those that a model of the measurements so far, or of the run of --like, expects to be
    best; with --rehearse those of a run on the emulated rig; else it is the mean over random draws
    of what an optimizer may choose, and tells where eight of ten draws lie. Ranges cover all
    conditions that may be chosen.

    \b
    Examples:
      flowrig plan cs3cu2i5-heatup-chem3
      flowrig plan my-campaign.toml --seed 3 --json
      flowrig plan my-campaign.toml --rehearse
      flowrig plan cs3cu2i5-heatup-chem3 --study robustness
      flowrig plan my-campaign.toml --like flowrig-runs/first
      flowrig plan flowrig-runs/first
    """
    from flowrig.planning.plan import as_long_as, plan_campaign

    profile, seed, decided, counts = _read(campaign, seed, study)
    if study is not None and (rehearse or decided is not None):
        raise click.UsageError("--study is for a profile, and without --rehearse")
    if rehearse and (like is not None or decided is not None):
        raise click.UsageError("--rehearse is for a campaign file, and without --like")
    if rehearse:
        expected, counts = _as_rehearsed(campaign, seed, profile)
    else:
        expected = _expected(campaign if decided is not None else None, like, profile)
    planned = as_long_as(_without_counted(campaign, profile), counts)
    found = plan_campaign(planned, seed, decided, expected)
    if as_json:
        print_json({**asdict(found), "time": found.time.as_json()})
        return
    for line in _lines(found, profile):
        say(line)
    place = "of random draws, in which an optimizer looks around one place or everywhere"
    if expected:
        place = "where they were in a rehearsal" if rehearse else _AT_THE_BEST
    _advise(found, place)


def _without_counted(campaign: str, profile: "Profile") -> "Profile":
    """The profile without the experiments in whose place earlier ones count."""
    from flowrig.campaign.progress import CampaignProgress
    from flowrig.planning.plan import without_counted
    from flowrig.plugins.registry import Plugins
    from flowrig.run.earlier_experiments import counted_earlier
    from flowrig.run_record.reader import RunRecord

    if not Path(campaign).is_dir():
        return without_counted(profile, counted_earlier(profile, Plugins.discover()))
    with RunRecord(campaign) as record:
        count = CampaignProgress(record, record.journal).counted_prior
    return without_counted(profile, count)


def _as_rehearsed(
    campaign: str, seed: int | None, profile: "Profile"
) -> "tuple[list[Conditions], dict[str, int]]":
    """Conditions that a rehearsal chose by its results, in order; and the length of each stage."""
    from flowrig.planning.plan import plan_campaign
    from flowrig.planning.rehearsal import rehearse
    from flowrig.plugins.registry import Plugins

    found = plan_campaign(_without_counted(campaign, profile), seed)
    bar = progress_bar(length=found.experiments, label="rehearsal")
    with bar:
        decided = rehearse(campaign, seed, Plugins.discover(), lambda: bar.update(1))
    known = {part.name: part.known for part in found.parts}
    unknown = [one for stage, rows in decided.items() for one in rows[known[stage] :]]
    return unknown, {stage: len(decided.get(stage, ())) for stage in known}


def _expected(campaign: str | None, like: Path | None, profile: "Profile") -> "list[Conditions]":
    """Conditions that a model of a run expects an optimizer to choose.

    The model is that of the planned run if it has one, else that of the run of --like.
    """
    from flowrig.planning.expected_conditions import expected_conditions
    from flowrig.run_record.reader import RunRecord

    drawn: list[Conditions] = []
    for folder in (campaign, like):
        if folder is not None and not drawn:
            with sound_folder(Path(folder)), RunRecord(folder) as record:
                drawn = expected_conditions(record, profile, DRAWN)
    return drawn


def _read(
    campaign: str, seed: int | None, study: str | None
) -> "tuple[Profile, int | None, dict[str, list[Any]] | None, dict[str, int]]":
    """Profile and seed; for the folder of a run, also the decided conditions by stage, and how many
    experiments each stage had that is over."""
    from flowrig.journal.journal import FILE_NAME
    from flowrig.planning.plan import over
    from flowrig.plugins.registry import Plugins
    from flowrig.profile import read_profile
    from flowrig.run_record.reader import RunRecord

    plugins = Plugins.discover()
    if not os.path.isfile(Path(campaign) / FILE_NAME):  # noqa: PTH113 - also of names too long
        source = read_profile(campaign, plugins)
        return (source if study is None else source.with_study(study)).load(), seed, None, {}
    decided: dict[str, list[Any]] = {}
    with sound_folder(Path(campaign)), RunRecord(campaign, plugins) as record:
        for one in record.decisions():
            if not one.reference:
                decided.setdefault(one.stage, []).append(one.conditions)
        return record.profile, record.seed, decided, over(record)


def _lines(plan: "Plan", profile: "Profile") -> Iterator[str]:
    from flowrig.report.scorecard import time_words

    yield (
        f"{plan.profile}: {'at most ' * plan.at_most}{plan.experiments} experiments, "
        f"{_duration(plan.time_s)}"
        f"{_range([_duration(t) for t in plan.time_range_s])}, "
        f"{_ml(plan.waste_ul)} mL to the waste{_range(_millilitres(plan.waste_range_ul))}"
    )
    if plan.known < plan.experiments:
        times = [_duration(time_s) for time_s in plan.time_interval_s]
        volumes = _millilitres(plan.waste_interval_ul)
        yield (
            f"80 % of draws of what an optimizer may choose: {_between(times) or times[0]}, "
            f"{_between(volumes) or volumes[0]} mL"
        )
    yield ""
    yield from _table(
        ("stage", "experiments", "known", "time", "range", "ends at", *ROLES, "waste"),
        ("", "", "", "", "", "", "mL", "mL", "mL", "mL"),
        _stage_rows(plan, profile),
    )
    yield ""
    yield from _table(
        ("stream", "role", "needed", "range", _holds(profile), "refills"),
        ("", "", "mL", "mL", "mL", ""),
        _stream_rows(plan, profile),
    )
    yield ""
    yield f"rig time: {time_words(plan.time)}"
    yield ""


def _holds(profile: "Profile") -> str:
    """What the streams are drawn from, as the head of a column."""
    sources = dict.fromkeys(stream.source for stream in profile.streams.values())
    return " or ".join(sources)


def _stage_rows(plan: "Plan", profile: "Profile") -> Iterator[Sequence[str]]:
    from flowrig.planning.plan import to_waste_ul

    for part in plan.parts:
        by_role = {
            role: sum(part.volumes_ul[n] for n, s in profile.streams.items() if s.role == role)
            for role in ROLES
        }
        counts = (str(part.experiments), str(part.known)) if part.experiments else ("", "")
        yield (
            part.name,
            *counts,
            _duration(part.time_s),
            _between([_duration(t) for t in part.time_range_s]),
            _duration(part.ends_s),
            *map(_ml, by_role.values()),
            _ml(to_waste_ul(profile, part.volumes_ul)),
        )


def _stream_rows(plan: "Plan", profile: "Profile") -> Iterator[Sequence[str]]:
    for name, stream in profile.streams.items():
        yield (
            name,
            stream.role,
            _ml(plan.volumes_ul[name]),
            _between(_millilitres(plan.volume_ranges_ul[name])),
            "no end" if math.isinf(stream.capacity_ul) else f"{stream.capacity_ul / 1000:g}",
            str(sum(name in refill.streams for refill in plan.refills)),
        )


def _advise(plan: "Plan", place: str) -> None:
    """Print what a person has to do, problems, and assumptions."""
    for stream in dict.fromkeys(name for one in plan.drawings for name in one.volumes_ul):
        drawings = [one for one in plan.drawings if stream in one.volumes_ul]
        earliest, volume_ul = drawings[0], sum(one.volumes_ul[stream] for one in drawings)
        often = "once" if len(drawings) == 1 else f"{len(drawings)} times"
        print_paragraph(
            f"{stream} fills itself {often}, {_ml(volume_ul)} mL in all, first before experiment "
            f"{earliest.experiment}, {_duration(earliest.time_s)} after the start"
        )
    for refill in plan.refills:
        print_paragraph(
            f"{' and '.join(refill.streams)} runs out before experiment {refill.experiment} "
            f"({refill.stage}), {_duration(refill.time_s)} after the start: refill then"
        )
    for emptying in plan.emptyings:
        print_paragraph(
            f"{' and '.join(emptying.wastes)} is full before experiment {emptying.experiment} "
            f"({emptying.stage}), {_duration(emptying.time_s)} after the start: empty it then"
        )
    for asks in dict.fromkeys(question.asks for question in plan.questions if not question.gate):
        first, *more = (one for one in plan.questions if not one.gate and one.asks == asks)
        often = f", and {len(more)} times more" if more else ""
        print_paragraph(
            f"by hand: you are asked to {asks} {_duration(first.time_s)} after the start{often}"
        )
    for gate in dict.fromkeys(question.gate for question in plan.questions if question.gate):
        first, *more = (question for question in plan.questions if question.gate == gate)
        often = f", and {len(more)} times more" if more else ""
        print_paragraph(
            f"gate {gate}, before {first.before}: you are asked {_duration(first.time_s)} after "
            f"the start{often}" + (f": {first.asks}" if first.asks else "")
        )
    for problem in plan.problems:
        say(problem, fg="red")
    if plan.reachable < 1:
        limits = ", ".join(
            f"{label} leaves {share:.0%}" for label, share in plan.constraints.items() if share < 1
        )
        print_paragraph(
            f"{plan.reachable:.0%} of the box of bounds can be reached; of it, {limits}"
        )
    if plan.known < plan.experiments:
        print_paragraph(
            f"of {plan.experiments - plan.known} experiments the conditions depend on results: "
            f"the plan uses conditions {place}"
        )
    for assumption in plan.assumptions:
        print_paragraph(f"assumed: {assumption}")


def _table(
    head: Sequence[str], units: Sequence[str], rows: Iterator[Sequence[str]]
) -> Iterator[str]:
    """Lines of equal columns; the first is flush left, the others flush right."""
    lines = [head, units, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        first, *others = (
            f"{cell:<{width}}" if place == 0 else f"{cell:>{width}}"
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        yield "  ".join([first, *others]).rstrip()


def _millilitres(volumes_ul: Sequence[float]) -> list[str]:
    return [_ml(volume) for volume in volumes_ul]


def _ml(volume_ul: float) -> str:
    return f"{volume_ul / 1000:.1f}"


def _between(texts: Sequence[str]) -> str:
    low, high = texts
    return "" if low == high else f"{low} – {high}"


def _range(texts: Sequence[str]) -> str:
    return f" ({between})" if (between := _between(texts)) else ""


def _duration(duration_s: float) -> str:
    hours, minutes = divmod(round(duration_s / 60), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"
