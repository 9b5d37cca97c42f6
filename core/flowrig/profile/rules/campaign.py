"""Rules for a campaign: stages, limits of optimizers, and earlier experiments."""

from collections.abc import Iterator

from flowrig.profile.model import Profile
from flowrig.profile.problems import Finding, Path
from flowrig.profile.rules import names

__all__ = ["RULES"]

MOST_EXPERIMENTS = 10_000
"""Experiments of a stage: more than a year of work, and a design that still fits in memory."""


SEED_MAX = 2**32 - 1
"""Largest seed that every generator of random numbers takes."""


def stages(profile: Profile) -> Iterator[Finding]:
    """There is a stage, stages have different names, and batches are sorted by variables."""
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
    """R² lies between 0 and 1, and there is a surrogate."""
    if not 0 < share < 1:
        yield Finding(path, f"got {share:g}", expected="more than 0 and less than 1")
    if profile.campaign is not None and profile.campaign.surrogate is None:
        message = "`until_r2` needs a surrogate"
        yield Finding(path, message, expected="a [campaign.surrogate]", on_key=True)


def seed(profile: Profile) -> Iterator[Finding]:
    """Every generator of random numbers takes the seed."""
    if profile.campaign is not None and not 0 <= profile.campaign.seed <= SEED_MAX:
        got, most = f"got {profile.campaign.seed}", f"0 to {SEED_MAX}"
        yield Finding(("campaign", "seed"), got, expected=most)


def optimizer(profile: Profile) -> Iterator[Finding]:
    """Limits of time, memory and repeats are positive."""
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
    """Earlier experiments have a surrogate, and columns for responses of the objective."""
    if profile.campaign is None:
        return
    for index, one in enumerate(profile.campaign.prior):
        here: Path = ("campaign", "prior", index)
        if profile.campaign.surrogate is None:
            message = "earlier experiments need a surrogate"
            yield Finding(here, message, expected="a [campaign.surrogate]")
        for name in one.columns:
            path = (*here, "columns", name)
            yield from names.one_of(
                name, profile.objective.responses, "response", path, on_key=True
            )


RULES = (stages, seed, optimizer, prior)
