"""Stages that end before their last experiment, and what is written down of it."""

from flowrig.campaign.campaign_journal import CampaignJournal
from flowrig.campaign.model_check import model_r2
from flowrig.campaign.progress import CampaignProgress
from flowrig.procedure.executor import Executor
from flowrig.profile import Stage
from flowrig.run_record.reader import RunRecord

__all__ = ["EarlyEnd"]


class EarlyEnd:
    """Ends stages for which earlier experiments are enough, or whose model explains enough.

    Args:
        record: reads the journal.
        journal: writes it.
        progress: what is left to do.
        executor: watches the rig while something is computed.
    """

    def __init__(
        self,
        record: RunRecord,
        journal: CampaignJournal,
        progress: CampaignProgress,
        executor: Executor,
    ) -> None:
        self._record = record
        self._journal = journal
        self._progress = progress
        self._executor = executor

    def ends(self, stage: Stage) -> bool:
        """Whether a stage without pending experiments ends here; written down if so."""
        if self._progress.left_to_decide(stage):
            return self._explains_enough(stage)
        count, done = self._progress.counted_prior, len(self._progress.decided_in(stage))
        reason = f"{count} earlier experiments of the same rig count as its own"
        self._journal.stage_ended(stage, reason, done)
        return True

    def _explains_enough(self, stage: Stage) -> bool:
        """Whether the surrogate reaches `until_r2` of a stage; written down if so."""
        compute = None if stage.until_r2 is None else model_r2(self._record, stage.arm)
        if stage.until_r2 is None or compute is None:
            return False
        r2 = self._executor.compute("seeing how much the model explains", compute)
        if r2 < stage.until_r2:
            return False
        self._journal.explored(stage, r2, len(self._progress.decided_in(stage)))
        return True
