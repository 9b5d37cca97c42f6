"""The stages of a campaign, what its optimizers may take, and what it starts from."""

from collections.abc import Iterator

from flowrig.profile.model import Profile
from flowrig.profile.problems import Finding, Path
from flowrig.profile.rules import names

__all__ = ["RULES"]

MOST_EXPERIMENTS = 10_000
"""Of a stage: a year of experiments, and a design that memory still holds."""


def stages(profile: Profile) -> Iterator[Finding]:
    """There are stages, with names of their own, sorted by variables."""
    if profile.campaign is None:
        return
    known = [variable.name for variable in profile.variables]
    seen: set[str] = set()
    if not profile.campaign.stages:
        yield Finding(("campaign", "stages"), "there is no stage", expected="[[campaign.stages]]")
    for index, stage in enumerate(profile.campaign.stages):
        here: Path = ("campaign", "stages", index)
        if stage.name in seen:
            message = f"there is a stage {stage.name!r} already"
            yield Finding((*here, "name"), message, expected="another name")
        seen.add(stage.name)
        if stage.experiments > MOST_EXPERIMENTS:
            got, most = (
                f"got {stage.experiments}",
                f"at most {MOST_EXPERIMENTS} experiments a stage",
            )
            yield Finding((*here, "experiments"), got, expected=most)
        if stage.order_by is not None:
            yield from names.one_of(stage.order_by, known, "variable", (*here, "order_by"))
        if stage.until_r2 is not None:
            yield from _explained(profile, stage.until_r2, (*here, "until_r2"))


def _explained(profile: Profile, share: float, path: Path) -> Iterator[Finding]:
    """A share of the variance that a surrogate can explain."""
    if not 0 < share < 1:
        yield Finding(path, f"got {share:g}", expected="more than 0 and less than 1")
    if profile.campaign is not None and profile.campaign.surrogate is None:
        message = "no surrogate could explain anything"
        yield Finding(path, message, expected="a [campaign.surrogate]", on_key=True)


def optimizer(profile: Profile) -> Iterator[Finding]:
    """An optimizer has time, memory and something to choose from."""
    if profile.campaign is None:
        return
    for key, value, unit in (
        ("optimizer_deadline", profile.campaign.optimizer_deadline_s, "s"),
        ("optimizer_memory", profile.campaign.optimizer_memory_gb, "GB"),
        ("repeats_at_most", profile.campaign.repeats_at_most, ""),
    ):
        if not value > 0:
            got = f"got {value:g} {unit}".rstrip()
            yield Finding(("campaign", key), got, expected=f"more than 0 {unit}".rstrip())


def prior(profile: Profile) -> Iterator[Finding]:
    """Earlier experiments teach a surrogate the responses that the objective needs."""
    if profile.campaign is None:
        return
    for index, one in enumerate(profile.campaign.prior):
        here: Path = ("campaign", "prior", index)
        if profile.campaign.surrogate is None:
            message = "no surrogate could learn from it"
            yield Finding(here, message, expected="a [campaign.surrogate]")
        for name in one.columns:
            path = (*here, "columns", name)
            yield from names.one_of(
                name, profile.objective.responses, "response", path, on_key=True
            )


RULES = (stages, optimizer, prior)
