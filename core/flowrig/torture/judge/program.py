"""Checks of the program: its ending, its final message, its threads and files (I5, I6, I8)."""

import re

from flowrig.journal.events import Ended
from flowrig.torture.faults import Ending, Expected
from flowrig.torture.judge.breach import Breach, Breaches, Kind
from flowrig.torture.process_observation import ProcessObservation
from flowrig.torture.rigs.short_campaign import FILES
from flowrig.torture.trial import Trial

__all__ = ["ending", "message", "threads"]


def threads(trial: Trial, process: ProcessObservation) -> Breaches:
    """No thread is left, except of a device whose driver hangs."""
    hung = {f"device-{device}" for device in trial.injection.hung}
    left = [thread for thread in process.threads if thread not in hung]
    if left:
        yield Breach(Kind.HUNG, f"left {', '.join(left)} behind")


def message(trial: Trial, process: ProcessObservation) -> Breaches:
    """A run that does not finish reports the reason, once, in words for its user."""
    if process.ending is Ending.ESCAPED:
        yield Breach(Kind.UNREPORTED, f"an exception reached the user: {process.text}")
        return
    if process.ending is Ending.FINISHED:
        return
    if not process.text or "Traceback" in process.text or "internal error" in process.text:
        reason = process.text or "without a reason"
        yield Breach(Kind.UNREPORTED, f"{process.ending}: {reason}")
    struck_s = trial.strike.time_s
    is_struck = struck_s is not None and process.begin_s <= struck_s <= process.end_s
    affected = trial.injection.affected if is_struck else ()
    if affected and not any(device in process.text for device in affected):
        text = f"names none of {', '.join(affected)}: {process.text}"
        yield Breach(Kind.UNREPORTED, text)
    count = len(list(process.of(Ended)))
    is_required = process.ending is not Ending.REFUSED and not trial.injection.blocks_journal
    if count > 1 or (is_required and not count):
        yield Breach(Kind.UNREPORTED, f"{count} events that say that the run ended")


def ending(trial: Trial) -> Breaches:
    """The campaign ends as the table of faults says, and can be finished."""
    is_control = not trial.fault.number
    if trial.strike.time_s is None and not is_control and not trial.injection.is_in_file:
        yield Breach(Kind.BROKEN, "the campaign never came to that phase")
        return
    yield from _files_outside(trial)
    if trial.ignored_trips:
        text = f"resumed without a reset of {', '.join(trial.ignored_trips)}"
        yield Breach(Kind.UNSAFE, text)
    not_killed = [one for one in trial.processes if one.ending is not Ending.KILLED]
    first = (not_killed or trial.processes[-1:])[0]
    if is_control:
        if first.ending is not Ending.FINISHED:
            yield Breach(Kind.FALSE_STOP, f"{first.ending}: {first.text}")
        return
    if first.ending not in trial.fault.expected.endings and not _asks_what_is_left(trial, first):
        yield Breach(Kind.UNEXPECTED, f"{first.ending}: {first.text}")
    last = trial.processes[-1]
    if trial.fault.expected is not Expected.REFUSED and last.ending is not Ending.FINISHED:
        yield Breach(Kind.LOST, f"the campaign cannot be finished: {last.ending}: {last.text}")


def _asks_what_is_left(trial: Trial, first: ProcessObservation) -> bool:
    """Whether a person has to fill syringes that fill themselves: nobody knows what they hold.

    After a pump lost its count nothing fills a syringe beyond what is certain to have room, and an
    experiment that needs most of it asks a person.
    """
    asked = re.findall(r"--refilled (\S+)", first.text)
    own = trial.played.profile.refills
    return trial.injection.loses_count and bool(asked) and all(name in own for name in asked)


def _files_outside(trial: Trial) -> Breaches:
    """Every file is written into the folder of the run."""
    home = trial.folder.parent
    strange = [
        path.name
        for path in home.iterdir()
        if path.name not in FILES and path.name.split("-image")[0] != "run"
    ]
    for folder in (home.parent, home.parent.parent):
        strange += [path.name for path in folder.iterdir() if path not in home.parents]
    strange = [name for name in strange if name != home.name]
    if strange:
        text = f"wrote {', '.join(strange)} outside the folder of the run"
        yield Breach(Kind.UNEXPECTED, text)
