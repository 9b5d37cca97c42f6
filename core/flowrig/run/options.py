"""Options that the caller of a run chooses: to start it, to resume it, or to make its rig safe."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from attrs import field, frozen

from flowrig.clock import Clock
from flowrig.journal.journal import Listener
from flowrig.operator.requests import OperatorRequests
from flowrig.plugins.registry import Plugins
from flowrig.rig.simulated import Simulator, emulated

__all__ = ["ResumeOptions", "RunOptions", "SessionOptions", "free_folder", "new_run_folder"]

RUNS_FOLDER = "flowrig-runs"
"""Folder, in the working directory, of the runs whose folder the caller does not choose."""


def _tuple_of_names(names: Sequence[str]) -> tuple[str, ...]:
    """Names as a tuple.

    Raises:
        TypeError: a single text, whose letters would count as names.
    """
    if isinstance(names, str):
        raise TypeError(f"expected a list of names, got the text {names!r}; write [{names!r}]")
    return tuple(names)


@frozen(kw_only=True, eq=False)
class SessionOptions:
    """Options of every session of a run: of its start, of a resume, of making its rig safe.

    Attributes:
        record_traces: keep every byte and every call of every instrument in the run's folder,
            under `traces`.
        clock: the clock of the rig [s]; by default virtual for a simulated run, real otherwise.
        listeners: called with every event of the journal, in order, after it was written.
        requests: the channel of requests of people: pause, go on, skip, stop, halt. By default the
            run has its own, which `flowrig pause` and the like reach.
        optimizer_process: whether the optimizer runs in a process of its own. By default it does on
            the real clock, if all plugins are installed and none was handed over as an object.
        yes_to: names of the gates of the profile that are open without a question.
        plugins: installed plugins; looked up now if they are not given.
        simulator: starts the emulated instruments of a simulated run.
    """

    record_traces: bool = False
    clock: Clock | None = None
    listeners: Sequence[Listener] = field(default=(), converter=tuple[Listener, ...])
    requests: OperatorRequests | None = None
    optimizer_process: bool | None = None
    yes_to: Sequence[str] = field(default=(), converter=_tuple_of_names)
    plugins: Plugins = field(factory=Plugins.discover)
    simulator: Simulator = emulated


@frozen(kw_only=True, eq=False)
class RunOptions(SessionOptions):
    """Options of a run that starts, in addition to those of every session.

    Attributes:
        folder: folder for everything of the run; it must not hold a run yet. By default a new
            folder in `flowrig-runs`, named after target and time; `RunOutcome.folder` tells it.
        simulate: put emulated instruments behind the drivers.
        twin: file of a twin that replaces the chemistry of the simulated rig; a resume needs it at
            the same place.
        seed: seed of everything random, 0 to 2³² − 1; by default that of the campaign.
        study: a study that is run in place of the campaign, with everything derived from the rig.
    """

    folder: Path | str | None = None
    simulate: bool = False
    twin: Path | None = None
    seed: int | None = None
    study: str | None = None


@frozen(kw_only=True, eq=False)
class ResumeOptions(SessionOptions):
    """Options of a run that is resumed, in addition to those of every session.

    Attributes:
        refilled: names of the streams whose syringes a person has filled.
        emptied: names of the wastes that a person has emptied.
        reset: names of the safety rules that tripped, and whose cause a person has removed.
        accept_changes: resume although the profile, or a plugin that it names, has changed.
        cut: resume before the damage of the journal, however many measurements are behind it.
    """

    refilled: Sequence[str] = field(default=(), converter=_tuple_of_names)
    emptied: Sequence[str] = field(default=(), converter=_tuple_of_names)
    reset: Sequence[str] = field(default=(), converter=_tuple_of_names)
    accept_changes: bool = False
    cut: bool = False


def new_run_folder(target: str | Path) -> Path:
    """A folder for a run that does not exist yet, named after target and local time."""
    label = f"{Path(target).stem}-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
    return free_folder(Path(RUNS_FOLDER) / label)


def free_folder(folder: Path) -> Path:
    """The folder, or the first numbered one beside it that does not exist yet."""
    candidate, number = folder, 1
    while candidate.exists():
        number += 1
        candidate = folder.with_name(f"{folder.name}-{number}")
    return candidate
