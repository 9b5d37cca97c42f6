"""A campaign played on the emulated rig beforehand: where its optimizers go when results come."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from flowrig.errors import InputError
from flowrig.journal.events import Measured
from flowrig.journal.journal import AnyEvent
from flowrig.planning.known_conditions import Conditions
from flowrig.plugins.registry import Plugins
from flowrig.profile import load_profile
from flowrig.run.options import ResumeOptions, RunOptions
from flowrig.run.start import resume_run, start_run

__all__ = ["rehearsed"]


def rehearsed(
    target: str | Path,
    seed: int | None,
    plugins: Plugins,
    on_experiment: Callable[[], object] = lambda: None,
) -> dict[str, list[Conditions]]:
    """Run a campaign on the emulated rig, in virtual time, and forget everything but its decisions.

    Gates are open, and a person is there who refills and empties what the run asks for.

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
    gates = [gate.name for gate in profile.gates]
    with tempfile.TemporaryDirectory(prefix="flowrig-rehearsal-") as home:
        folder, measured = Path(home) / "run", -1
        outcome = start_run(
            target,
            RunOptions(
                folder=folder,
                simulate=True,
                seed=seed,
                listeners=[listen],
                yes_to=gates,
                plugins=plugins,
            ),
        )
        while outcome.state == "held":
            with outcome.record() as record:
                before, measured = measured, len(record.experiments())
                wastes = tuple(record.ledger().waste.capacity_ul)
            if measured == before:
                break
            outcome = resume_run(
                folder,
                ResumeOptions(
                    refilled=tuple(profile.streams),
                    emptied=wastes,
                    listeners=[listen],
                    yes_to=gates,
                    plugins=plugins,
                ),
            )
        if outcome.state != "finished":
            raise InputError(f"the rehearsal did not come to its end: {outcome.reason}")
        decided: dict[str, list[Conditions]] = {}
        with outcome.record() as record:
            for one in record.decisions():
                decided.setdefault(one.stage, []).append(dict(one.conditions))
        return decided
