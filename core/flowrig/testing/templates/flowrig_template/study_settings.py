"""Settings of the study, beside its name in a stage of a campaign."""

from attrs import field, frozen

from flowrig.interfaces import At, StudyRig, StudySettings


@frozen(kw_only=True)
class TemplateStudySettings(StudySettings):
    """Settings of the ends.

    Attributes:
        at: the other conditions.
        repeats: how often each end is measured.
    """

    at: At = field(factory=At)
    repeats: int = 2

    def objection(self, rig: StudyRig) -> str:
        """There is something to measure, and both ends meet the limits of the rig."""
        if self.repeats < 1:
            return f"`repeats` is {self.repeats}; expected 1 or more"
        first, conditions = rig.space.parameters[0], rig.conditions(self.at)
        ends = first.choices[:2] or (first.low, first.high)
        X = rig.space.array([{**conditions, first.name: end} for end in ends])
        return "" if rig.space.feasible(X).all() else f"an end of {first.name} is out of reach"
