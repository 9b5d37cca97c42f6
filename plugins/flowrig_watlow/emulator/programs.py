"""The stored profiles of an emulated F4T, and the one that runs."""

from typing import Final

from attrs import define, frozen

from flowrig_watlow.registers import StepType

__all__ = ["PROGRAMS", "Program", "RunningProgram", "Step"]


@frozen
class Step:
    """One step of a profile.

    Attributes:
        kind: what the set point does.
        target_c: set point [°C] at its end.
        duration_s: its duration [s]; 0 for the end.
    """

    kind: StepType
    target_c: float
    duration_s: float


@frozen
class Program:
    """A stored profile.

    Attributes:
        name: its name.
        steps: its steps in order.
    """

    name: str
    steps: tuple[Step, ...]


PROGRAMS: Final = {
    1: Program(
        "Heat Only",
        (
            Step(StepType.RAMP_TIME, 50.0, 600.0),
            Step(StepType.SOAK, 50.0, 600.0),
            Step(StepType.END, 50.0, 0.0),
        ),
    )
}


@define
class RunningProgram:
    """A profile that was started.

    Attributes:
        program: the profile.
        step: number of the present step, from 1.
        from_c: set point [°C] at the begin of the step.
        passed_s: time [s] since the begin of the step, without pauses.
    """

    program: Program
    step: int
    from_c: float
    passed_s: float = 0.0

    @property
    def present(self) -> Step:
        """The present step."""
        return self.program.steps[self.step - 1]

    @property
    def is_over(self) -> bool:
        """Whether the last step is reached."""
        return self.present.kind is StepType.END

    @property
    def left_s(self) -> float:
        """Time [s] until the end of the present step."""
        return max(self.present.duration_s - self.passed_s, 0.0)

    @property
    def set_point_c(self) -> float:
        """The set point [°C] now."""
        step = self.present
        if step.kind is not StepType.RAMP_TIME or not step.duration_s:
            return step.target_c
        return self.from_c + (step.target_c - self.from_c) * self.passed_s / step.duration_s

    def pass_time(self, duration_s: float) -> None:
        """Go on by a time [s], over the ends of steps."""
        self.passed_s += duration_s
        while not self.is_over and self.passed_s >= self.present.duration_s:
            self.passed_s -= self.present.duration_s
            self.from_c = self.present.target_c
            self.step += 1
