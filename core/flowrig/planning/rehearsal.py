"""A rehearsal: the campaign on the emulated rig, to see which conditions its optimizers choose."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from attrs import asdict

from flowrig.errors import InputError
from flowrig.journal.events import Measured
from flowrig.journal.journal import AnyEvent
from flowrig.planning.known_conditions import Conditions
from flowrig.plugins.registry import Plugins
from flowrig.profile import load_profile
from flowrig.run.options import ResumeOptions, RunOptions, SessionOptions
from flowrig.run.session import RunOutcome
from flowrig.run.start import resume_run, start_run

__all__ = ["rehearse"]


def rehearse(
    target: str | Path,
    seed: int | None,
    plugins: Plugins,
    on_experiment: Callable[[], object] = lambda: None,
) -> dict[str, list[Conditions]]:
    """Run a campaign on the emulated rig, in virtual time, and keep its decisions only.

    All gates are open. Where the run holds, all syringes are refilled and all wastes emptied.

    Args:
        target: as `flowrig.start_run` takes it.
        seed: of the run; the campaign's own by default.
        plugins: what is installed.
        on_experiment: called after every experiment.

    Returns:
        the conditions that were decided, by stage.

    Raises:
        InputError: the campaign did not come to its end.
    """

    def listen(event: AnyEvent) -> None:
        if isinstance(event.data, Measured):
            on_experiment()

    profile = load_profile(target, plugins)
    session = SessionOptions(
        listeners=[listen], yes_to=[gate.name for gate in profile.gates], plugins=plugins
    )
    with tempfile.TemporaryDirectory(prefix="flowrig-rehearsal-") as home:
        outcome = _run(target, Path(home) / "run", seed, session, profile.refillable)
        if outcome.state != "finished":
            raise InputError(f"the rehearsal did not come to its end: {outcome.reason}")
        decided: dict[str, list[Conditions]] = {}
        with outcome.record() as record:
            for one in record.decisions():
                if not one.reference:
                    decided.setdefault(one.stage, []).append(one.conditions)
        return decided


def _run(
    target: str | Path,
    folder: Path,
    seed: int | None,
    session: SessionOptions,
    streams: tuple[str, ...],
) -> RunOutcome:
    """Start a simulated run, and resume it until it ends or a hold brings no experiment."""
    common = asdict(session, recurse=False)
    outcome = start_run(target, RunOptions(folder=folder, simulate=True, seed=seed, **common))
    measured = -1
    while outcome.state == "held":
        with outcome.record() as record:
            before, measured = measured, len(record.experiments())
            wastes = tuple(record.ledger().waste.capacity_ul)
        if measured == before:  # it holds for something that no refill cures
            break
        outcome = resume_run(folder, ResumeOptions(refilled=streams, emptied=wastes, **common))
    return outcome
