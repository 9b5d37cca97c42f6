"""Asks for the reference condition of a campaign when it is due."""

from collections.abc import Mapping

from flowrig.campaign.campaign_journal import CampaignJournal
from flowrig.campaign.optimizer import ConditionChooser
from flowrig.errors import FlowrigError
from flowrig.journal.events import Decided, Measured, Skipped
from flowrig.profile import Stage
from flowrig.profile.controls.studies import reference_conditions
from flowrig.run_record.batches import fresh_stocks
from flowrig.run_record.experiment import Decision
from flowrig.run_record.reader import RunRecord

__all__ = ["ReferenceConditions", "ReferenceDueError"]


class ReferenceDueError(FlowrigError):
    """The reference condition has to be measured before another experiment."""


class ReferenceConditions:
    """The reference condition is measured first, first after each fresh stock, and at intervals.

    Args:
        record: reads the journal.
        journal: writes it.
    """

    def __init__(self, record: RunRecord, journal: CampaignJournal) -> None:
        self._record = record
        self._journal = journal
        self._factors: dict[int, Mapping[str, float]] = {}

    def before_choice(self, chooser: ConditionChooser) -> None:
        """Let a chooser forget what it has learned where the correction of a batch is another."""
        now = {one.index: one.factors for one in self._record.experiments()}
        if any(now.get(index) != factors for index, factors in self._factors.items()):
            chooser.close()
        self._factors = now

    def require_first(self, decision: Decision) -> None:
        """Let no other experiment begin where the reference condition is due.

        Raises:
            ReferenceDueError: it is due.
        """
        stage = next(s for s in self._record.campaign.stages if s.name == decision.stage)
        if not decision.reference and self.due(stage):
            raise ReferenceDueError("the reference condition is due")

    def decide(self, stage: Stage) -> None:
        """Write it down as the next experiments of a stage, if it is due."""
        why = self.due(stage)
        wanted = self._record.campaign.reference
        if not why or wanted is None:
            return
        conditions = reference_conditions(self._record.profile, wanted.at)
        first = len(self._record.decisions()) + 1
        numbers = range(first, first + wanted.repeats)
        self._journal.reference(stage, conditions, numbers, f"reference condition: {why}")

    def due(self, stage: Stage) -> str:
        """Why the reference condition is due before the next experiment; "" if it is not.

        Between the points of a study it never is: they may keep their flow.
        """
        wanted = self._record.campaign.reference
        if wanted is None or stage.is_study:
            return ""
        journal = self._journal.journal
        asked = {one.data.index for one in journal.events(Decided) if one.data.reference}
        if not asked:
            return "the first batch"
        over = {one.data.index: one.sequence for one in journal.events(Measured, Skipped)}
        if asked - over.keys():  # they are measured next, whatever became fresh meanwhile
            return ""
        last = max(over[index] for index in asked)
        others = max((place for index, place in over.items() if index not in asked), default=0)
        fresh = fresh_stocks(self._record.profile, journal)
        if fresh and fresh[-1].sequence > last:
            streams, known = fresh[-1].streams, [f for f in fresh if others < f.sequence < last]
            # A syringe that holds no experiment after the reference would be filled for ever.
            if not {name for one in known for name in one.streams}.issuperset(streams):
                return f"fresh {' and '.join(streams)}"
        count = sum(one.data.index not in asked for one in journal.events(Measured, after=last))
        if wanted.every is not None and count >= wanted.every:
            return f"{count} experiments after the last"
        return ""
