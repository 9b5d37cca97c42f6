"""Results that come later: taken into the journal, waited for, and told when they are late."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flowrig.campaign.campaign_journal import CampaignJournal
from flowrig.campaign.diagnostics import Symptom
from flowrig.campaign.optimizer import ConditionChooser
from flowrig.errors import ResultsAwaitedError
from flowrig.journal.events import Decided, HoldBegun, Notice, ResultEntered, WentOn
from flowrig.operator.hold import HoldKind
from flowrig.profile.model import OffLine, Stage
from flowrig.profile.model.off_line import at_age
from flowrig.run_record.experiment import Experiment
from flowrig.run_record.off_line.box import ResultBox, with_objective
from flowrig.run_record.off_line.dropped import DroppedFiles
from flowrig.run_record.off_line.stored import aged_of, missing_of
from flowrig.run_record.off_line.to_come import for_study, in_words, told
from flowrig.run_record.reader import RunRecord

__all__ = ["BY_RESULT", "BY_SIMULATION", "LaterResults"]

BY_SIMULATION = "simulation"
"""Who measures the results of a simulated run."""

BY_RESULT = "result"
"""What ends a wait for results that are entered."""


class LaterResults:
    """The off-line results of a campaign that is under way.

    Args:
        record: reads the journal.
        journal: writes it.
    """

    def __init__(self, record: RunRecord, journal: CampaignJournal) -> None:
        self._record = record
        self._journal = journal
        analysis = record.profile.analysis
        self._channels = tuple(one for one in analysis.off_line.values() if not one.series_s)
        self._stored = analysis.stored
        self._box = ResultBox(record.folder)
        self._dropped = DroppedFiles(record, self._box)
        self._known: dict[int, int] = {}
        self._study: Stage | None = None  # that needs results; None where an optimizer does

    def pending(self, stage: Stage) -> Sequence[Mapping[str, Any]]:
        """Conditions of the experiments whose results are to come, in the order of decisions.

        Args:
            stage: the stage that asks; experiments of other arms are left out.
        """
        known = [one for one in self._record.waiting() if stage.learns_from(one.decision.arm)]
        return [one.conditions for one in sorted(known, key=lambda one: one.index)]

    def take(self) -> None:
        """Take entered results into the journal, and tell which are late."""

        def refuse(problem: str) -> None:
            self._journal.journal.keep(Notice(text=problem), self._journal.now_s())

        self._box.take(self._record, self._journal.write, refuse)
        wrong = [Symptom(word, text) for word, text in self._dropped.look()]
        self._box.take(self._record, self._journal.write, refuse)
        self._attend()
        self._journal.report([*wrong, *self._late()])

    def before_choice(self, chooser: ConditionChooser) -> None:
        """Take what was entered, and hold the campaign where too many results are to come.

        Args:
            chooser: forgets what it has learned from a result that was corrected since.

        Raises:
            ResultsAwaitedError: a condition would be chosen although results are to come.
        """
        if not self._channels:
            return
        self.take()
        complete = {e.index: e.complete_at for e in self._record.experiments() if not e.awaits}
        if any(complete.get(index) != at for index, at in self._known.items()):
            chooser.close()
        self._known = complete
        self._study = None
        self._require_enough()

    def before_study(self, stage: Stage) -> None:
        """Take what was entered, and hold the campaign where a study needs results to come.

        Args:
            stage: a study that says by results where it looks next.

        Raises:
            ResultsAwaitedError: results are to come.
        """
        if self._channels:
            self.take()
            self._study = stage
            self._require_enough()

    def _require_enough(self) -> None:
        if self.are_too_few and not self._may_run_ahead():
            raise ResultsAwaitedError(self.text)

    @property
    def are_too_few(self) -> bool:
        """Whether so many results are to come that nothing is chosen.

        A study needs every result; an optimizer goes on while few experiments wait.
        """
        if self._study is not None:
            return bool(for_study(self._record, self._study))
        return len(self._record.waiting()) >= self._record.campaign.pending

    @property
    def text(self) -> str:
        """What the campaign waits for, in one clause."""
        if self._study is not None:
            return in_words(for_study(self._record, self._study))
        return in_words({one.index: one.awaits for one in self._record.waiting()})

    def _may_run_ahead(self) -> bool:
        """Whether a person has let the run go on without results, and nothing was chosen since."""
        newest = self._journal.journal.last(HoldBegun, WentOn, Decided)
        if newest is None or not isinstance(newest.data, WentOn) or newest.data.by == BY_RESULT:
            return False
        hold = self._journal.journal.last(HoldBegun)
        return hold is not None and hold.data.why == HoldKind.RESULTS.value

    @property
    def due_s(self) -> float | None:
        """Rig time [s] at which the next result of a simulated run is known; None without one."""
        return min((due_s for due_s, _ in self._unattended()), default=None)

    def _attend(self) -> None:
        """At a simulated rig, enter the results that are known by now."""
        now_s = self._journal.now_s()
        for due_s, entry in self._unattended():
            if due_s <= now_s:
                self._journal.write(with_objective(self._record, entry))

    def _unattended(self) -> list[tuple[float, ResultEntered]]:
        """Results of a simulated run that are not entered, with the rig time [s] they are due.

        Those of stored samples are due at once, whatever their ages: a simulated run waits for the
        analysis, and not for weeks.
        """
        found = list[tuple[float, ResultEntered]]()
        if not self._record.simulated or not (self._channels or self._stored):
            return found
        for one in self._record.experiments():
            known = told(one)
            if known is not None:
                lacking = [c for c in self._channels if c.units.keys() - known]
                found += [(one.ended_s + c.takes_s, _found(one, c)) for c in lacking]
                found += self._aged(one)
        return found

    def _aged(self, one: Experiment) -> Iterator[tuple[float, ResultEntered]]:
        """What analyses find of the stored sample of a simulated experiment."""
        aged = aged_of(self._record.profile, one.entries)
        for missing in missing_of(self._record.profile, one, aged):
            channel, series, age_s = self._stored[missing.channel], missing.series, missing.age_s
            values = {n: one.to_come.get(at_age(n, series, age_s), math.nan) for n in channel.units}
            known = {n: value for n, value in values.items() if math.isfinite(value)}
            entry = ResultEntered(
                entry="",
                index=one.index,
                values=known,
                units=channel.units,
                by=BY_SIMULATION,
                entered="",
                lost="" if known else f"the chemistry says nothing of {', '.join(channel.units)}",
                series=series,
                age_s=age_s,
            )
            yield one.ended_s + channel.takes_s, entry

    def _late(self) -> list[Symptom]:
        """Results that are later than their channel expects."""
        now_s, found = self._journal.now_s(), list[Symptom]()
        for one in self._record.waiting() if self._channels else ():
            for channel in self._channels:
                lacking = [name for name in one.awaits if name in channel.units]
                within_s = channel.within_s
                if lacking and within_s is not None and now_s - one.ended_s > within_s:
                    text = (
                        f"the result {', '.join(lacking)} of experiment {one.index} is late: it "
                        f"was expected within {within_s / 3600:g} h"
                    )
                    found.append(Symptom(f"late-{channel.name}-{one.index}", text))
        return found


def _found(experiment: Experiment, channel: OffLine) -> ResultEntered:
    """What the analyses of a channel find, of what nobody has entered of a simulated experiment."""
    known = told(experiment) or set()
    units = {name: unit for name, unit in channel.units.items() if name not in known}
    values = {
        name: value
        for name in units
        if (value := experiment.to_come.get(name, float("nan"))) == value
    }
    lost = "" if values else f"the chemistry says nothing of {', '.join(units)}"
    return ResultEntered(
        entry="",
        index=experiment.index,
        values=values,
        units=units,
        by=BY_SIMULATION,
        entered="",
        lost=lost,
    )
