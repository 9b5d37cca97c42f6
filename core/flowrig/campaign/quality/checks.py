"""Asks the quality checks of the profile about every settled experiment, once."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from flowrig.campaign.campaign_journal import CampaignJournal
from flowrig.campaign.diagnostics import Symptom
from flowrig.errors import FlowrigError
from flowrig.interfaces.quality import CheckedSample, CheckedSpectrum, Doubt, require_doubts
from flowrig.journal.events import Checked, QualityFlag
from flowrig.procedure.executor import Executor
from flowrig.profile.controls.studies import asked
from flowrig.profile.model import QualityRule
from flowrig.run_record.experiment import Experiment
from flowrig.run_record.reader import RunRecord

__all__ = ["QualityChecks"]


class QualityChecks:
    """The quality checks of a run.

    A measurement is in the journal before it is checked. What a check says stands in an event of
    its own, so that nothing that was measured is lost or rewritten, and a run that is resumed
    checks what is not checked yet.

    Args:
        record: reads the journal.
        journal: writes it.
        executor: computes while the rig is watched.
    """

    def __init__(self, record: RunRecord, journal: CampaignJournal, executor: Executor) -> None:
        self._record = record
        self._journal = journal
        self._executor = executor
        self._spectra: dict[int, dict[str, CheckedSpectrum]] = {}

    def check(self) -> None:
        """Check every settled experiment that is not checked yet, in order of time."""
        if not self._record.profile.quality:
            return
        done = {event.data.index for event in self._record.journal.events(Checked)}
        for index in [one.index for one in self._record.settled() if one.index not in done]:
            self._check(index)

    def _check(self, index: int) -> None:
        # The journal is read here: on a real rig the checks are asked in a thread of their own.
        samples = [self._sample(one) for one in self._record.settled()]
        place = next(n for n, one in enumerate(samples) if one.number == index)
        flags, failed = list[QualityFlag](), list[str]()
        for name, rule in self._record.profile.quality.items():
            found = self._asked(name, rule, samples[place], samples[:place])
            if isinstance(found, FlowrigError):
                failed.append(name)
                text = f"the quality check {name!r} failed at experiment {index}: {found}"
                self._journal.report([Symptom(f"quality-check-failed-{name}", text)])
                continue
            flags += [_flag(name, doubt) for doubt in found]
        self._journal.write(Checked(index=index, flags=tuple(flags), failed=tuple(failed)))

    def _asked(
        self, name: str, rule: QualityRule, sample: CheckedSample, earlier: Sequence[CheckedSample]
    ) -> tuple[Doubt, ...] | FlowrigError:
        """What a check doubts, or why it cannot say."""

        def work() -> tuple[Doubt, ...] | FlowrigError:
            try:
                check = asked(lambda: rule.offer.load()(rule.settings))
                return require_doubts(asked(lambda: check.doubts(sample, earlier)))
            except FlowrigError as error:
                return error

        return self._executor.compute(f"the quality check {name}", work)

    def _sample(self, one: Experiment) -> CheckedSample:
        if one.index not in self._spectra:
            self._spectra[one.index] = self._read(one.index)
        return CheckedSample(
            number=one.index,
            conditions=dict(one.conditions),
            features={**one.features, **one.readings},
            spectra=self._spectra[one.index],
            quality=one.quality,
            measured_s=one.ended_s,
        )

    def _read(self, index: int) -> dict[str, CheckedSpectrum]:
        """The spectra of an experiment; none if its arrays are damaged."""
        found = {}
        for name in self._record.profile.analysis.channels:
            try:
                axis, values = self._record.spectrum(index, name)
            except (FlowrigError, KeyError):
                continue
            found[name] = CheckedSpectrum(_fixed(axis), _fixed(values))
        return found


def _fixed(array: NDArray[np.float64]) -> NDArray[np.float64]:
    """A view that cannot be written to."""
    view = np.asarray(array, dtype=float).view()
    view.flags.writeable = False
    return view


def _flag(check: str, doubt: Doubt) -> QualityFlag:
    text = doubt.text.strip().removesuffix(".")
    return QualityFlag(check=check, quality=doubt.quality, text=text, test=doubt.test, p=doubt.p)
