"""The points of studies: asked for, checked, and run one after the other while liquid flows."""

from collections.abc import Generator, Mapping, Sequence
from typing import Any

from attrs import evolve, frozen

from flowrig.campaign.campaign_journal import CampaignJournal
from flowrig.campaign.diagnostics import Symptom
from flowrig.campaign.later import LaterResults
from flowrig.errors import FlowrigError, NeedsPersonError
from flowrig.interfaces.study import Fraction, Point, StudyPoint, StudyRig
from flowrig.journal.events import Decided, FractionMade, HoldBegun, Notice
from flowrig.measurement.observation import FeatureProbe, Observation
from flowrig.procedure.costs import counting_costs
from flowrig.procedure.executor import Executor
from flowrig.procedure.procedures import Flow, continue_condition, looking_s, run_condition
from flowrig.procedure.steps import Step
from flowrig.profile import Profile, Stage
from flowrig.profile.controls.beyond import in_stage
from flowrig.profile.controls.studies import asked, new_study, require_points
from flowrig.run_record.experiment import Decision
from flowrig.run_record.reader import RunRecord
from flowrig.run_record.studies import fractions_of, makes_product, rig_of_study, study_points

__all__ = ["StudyRunner", "flow_of"]


@frozen
class _Kept:
    """A flow that is kept for the next point.

    Attributes:
        index: number of the experiment after which it is kept.
        since_s: by stream, rig time [s] at which it was started.
        frames_s: rig time [s] at which the frames of that experiment began.
    """

    index: int
    since_s: Mapping[str, float]
    frames_s: float


class StudyRunner:
    """Asks studies for their points, and keeps the flow between points that continue.

    Args:
        record: reads the journal.
        journal: writes it.
        executor: runs procedures.
        later: the results that come later.
    """

    def __init__(
        self,
        record: RunRecord,
        journal: CampaignJournal,
        executor: Executor,
        later: LaterResults,
    ) -> None:
        self._record = record
        self._journal = journal
        self._executor = executor
        self._later = later
        self._kept: _Kept | None = None

    def ask(self, stage: Stage) -> bool:
        """Ask the study of a stage for its next points, and write them down, or that it is over.

        Returns:
            whether the stage is a study; if not, nothing is done.

        Raises:
            NeedsPersonError: the study fails, and the campaign waits for a person then.
            ResultsAwaitedError: its points depend on results that are to come.
        """
        if not stage.is_study:
            return False
        if self._needs_results(stage):
            self._later.before_study(stage)
        # The journal is read here: on a real rig the study is asked in a thread of its own.
        done, rig = study_points(self._record, stage.name), rig_of_study(self._record, stage)
        first = len(self._record.decisions()) + 1
        points = self._executor.compute(
            f"asking the study {stage.offer.name}", lambda: _next_points(stage, rig, done)
        )
        if isinstance(points, FlowrigError) or not points or not points[0].continues:
            self.end_flow()
        if isinstance(points, FlowrigError):
            text = f"the study of stage {stage.name!r} failed before experiment {first}: {points}"
            self._journal.report([Symptom(f"study-failed-{first}", text)])
            if self._record.campaign.if_optimizer_fails == "hold":
                raise NeedsPersonError(f"{text}; put it right")
            self._journal.stage_ended(stage, "its study failed", len(done))
        elif points:
            self._journal.asked_for(stage, points, first)
        else:
            self._journal.stage_ended(stage, "its study is over", len(done))
        return True

    def _needs_results(self, stage: Stage) -> bool:
        """Whether a study says by results where it looks next, and no flow is kept for that."""
        decided = [one for one in self._record.decisions() if one.stage == stage.name]
        if not self._record.profile.analysis.off_line or (decided and decided[-1].keeps_s):
            return False
        try:
            study = new_study(stage, rig_of_study(self._record, stage))
            return bool(asked(lambda: study.waits_for_results))
        except FlowrigError:  # told when it is asked for points
            return False

    def end_flow(self) -> None:
        """Stop a flow that is kept for a point that nobody asks for."""
        if self._kept is not None:
            self._kept = None
            self._executor.stop_flow()

    def write_fractions(self, stage_name: str) -> None:
        """Write down the fractions of a stage that are complete and not in the journal yet.

        Also those of a run that was killed before it wrote them.
        """
        stage = next(one for one in self._record.campaign.stages if one.name == stage_name)
        if not makes_product(stage):
            return
        events = self._journal.journal.events(FractionMade)
        written = {one.data.number for one in events if one.data.stage == stage_name}
        done, rig = study_points(self._record, stage_name), rig_of_study(self._record, stage)
        found = self._executor.compute(
            f"asking the study {stage.offer.name} for fractions",
            lambda: _fractions(stage, rig, done),
        )
        if isinstance(found, FlowrigError):
            text = f"the study of stage {stage_name!r} cannot tell its fractions: {found}"
            self._journal.report([Symptom(f"no-fractions-{stage_name}", text)])
            return
        for one in found:
            if one.number not in written:
                self._journal.fraction_made(stage_name, one)

    def run(self, decision: Decision, probe: FeatureProbe) -> Generator[Step, Any, Observation]:
        """The procedure of an experiment, whoever chose it.

        Raises:
            NeedsPersonError: a person has to be asked before it.
        """
        self._require_answer(decision)
        profile = in_stage(self._record.profile, decision.stage)
        following = self._following(decision)
        if decision.settles and not following and not decision.keeps_s:
            procedure = run_condition(profile, decision.conditions, probe)
        else:
            procedure = self._point(profile, decision, following, probe)
        if not profile.costs:
            return procedure
        flows, now_s = lambda: self._executor.flows, self._journal.now_s
        return counting_costs(profile, decision.conditions, procedure, flows, now_s)

    def _require_answer(self, decision: Decision) -> None:
        """Hold the run with the question of a point, once: who resumes a run that ended on that
        hold wants it to go on."""
        if not decision.asks:
            return
        asked = False
        for event in self._journal.journal.events(Decided, HoldBegun):
            if isinstance(event.data, HoldBegun):
                asked |= event.data.text == decision.asks
            elif event.data.index == decision.index:
                asked = False
        if not asked:
            raise NeedsPersonError(decision.asks)

    def evaluated_by(self, decision: Decision) -> Profile:
        """The profile by which the frames of an experiment are evaluated: of fewer frames the same
        share shows the product."""
        profile = self._record.profile
        if decision.frames is None:
            return profile
        share = decision.frames / profile.analysis.frames
        return evolve(profile, analysis=profile.analysis.with_picks(share))

    def _point(
        self,
        profile: Profile,
        decision: Decision,
        following: Sequence[Decision],
        probe: FeatureProbe,
    ) -> Generator[Step, Any, Observation]:
        conditions = decision.conditions
        flow = flow_of(profile, decision, following)
        kept, self._kept = self._kept, None
        goes_on = decision.continues and kept is not None and self._flows_on(kept, decision)
        if goes_on and kept is not None:
            begin_s = kept.frames_s + (decision.after_s or 0.0)
            procedure = continue_condition(
                profile, conditions, flow, lambda: begin_s - self._journal.now_s()
            )
        elif decision.continues:
            text = f"the flow of experiment {decision.index} was interrupted; it settles first"
            self._journal.write(Notice(text=text))
            procedure = run_condition(profile, conditions, probe, evolve(flow, wait_s=None))
        else:
            procedure = run_condition(profile, conditions, probe, flow)
        observation = yield from self._noting_flow(decision, procedure, following)
        return evolve(observation, interrupted=decision.continues and not goes_on)

    def _noting_flow(
        self,
        decision: Decision,
        procedure: Generator[Step, Any, Observation],
        following: Sequence[Decision],
    ) -> Generator[Step, Any, Observation]:
        """Run a procedure, and note when its liquid began to flow."""
        since_s: dict[str, float] = {}
        result: Any = None
        try:
            while True:
                step = procedure.send(result)
                result = yield step
                since_s = {n: one.since_s for n, one in self._executor.flows.items()} or since_s
        except StopIteration as end:
            observation: Observation = end.value
        finally:
            procedure.close()
        taken_s = (float(one.times_s[0]) for one in observation.frames.values())
        frames_s = min(taken_s, default=self._journal.now_s())
        if following or decision.keeps_s:
            self._kept = _Kept(decision.index, since_s, frames_s)
        begun_s = max(since_s.values(), default=frames_s)
        return evolve(observation, flowing_s=frames_s - begun_s)

    def _flows_on(self, kept: _Kept, decision: Decision) -> bool:
        """Whether what flows is what was kept for an experiment."""
        flows = self._executor.flows
        since_s = {name: one.since_s for name, one in flows.items() if not one.stops_s}
        rates = self._record.profile.flow_rates_ul_min(decision.conditions)
        moved = {loop.by for loop in self._record.profile.control.values()}
        return (
            kept.index == decision.index - 1
            and dict(kept.since_s) == since_s
            and {n: flow.rate_ul_min for n, flow in flows.items() if n not in moved}
            == {n: rate for n, rate in rates.items() if rate and n not in moved}
        )

    def _following(self, decision: Decision) -> list[Decision]:
        """The experiments right after one that keep its flow."""
        found: list[Decision] = []
        for one in self._record.decisions()[decision.index :]:
            if not one.continues:
                break
            found.append(one)
        return found


def _next_points(
    stage: Stage, rig: StudyRig, done: Sequence[StudyPoint]
) -> list[Point] | FlowrigError:
    """The next points of the study of a stage, or why it has none."""
    try:
        study = new_study(stage, rig)
        points = asked(lambda: study.next_points(done))
        last = done[-1].point if done else None
        return require_points(points, rig, stage.experiments - len(done), last)
    except FlowrigError as error:
        return error


def _fractions(
    stage: Stage, rig: StudyRig, done: Sequence[StudyPoint]
) -> list[Fraction] | FlowrigError:
    """The complete fractions of the study of a stage, or why it has none."""
    try:
        return fractions_of(new_study(stage, rig), done)
    except FlowrigError as error:
        return error


def flow_of(
    profile: Profile, point: Decision | Point, following: Sequence[Decision | Point]
) -> Flow:
    """How the liquid of a point flows.

    Args:
        profile: the rig.
        point: what is measured.
        following: what keeps its flow afterwards, in order.
    """
    kept_s = sum(max(one.after_s or 0.0, looking_s(profile, one.frames)) for one in following)
    kept_s += [point, *following][-1].keeps_s
    return Flow(
        wait_s=point.after_s,
        frames=point.frames,
        keeps=kept_s > 0.0,
        kept_s=kept_s,
        values=point.values,
    )
