"""Rules for a campaign: stages, limits of optimizers, and earlier experiments."""

from collections.abc import Iterator

from flowrig.interfaces.optimizer import OptimizerSettings
from flowrig.profile.model import Profile
from flowrig.profile.model.off_line import later_features
from flowrig.profile.problems import Finding, Path
from flowrig.profile.rules import names
from flowrig.profile.rules.analysis import features_of

__all__ = ["RULES"]

MOST_EXPERIMENTS = 10_000
"""Experiments of a stage: more than a year of work, and a design that still fits in memory."""

SEED_MAX = 2**32 - 1
"""Largest seed that every generator of random numbers takes."""

LEAST_GB = 0.1
"""Memory [GB] without which a process of Python with numpy does not start."""

DAY_S = 86_400.0
LONGEST_S = 3650.0 * DAY_S
"""Longest time [s] of a campaign, ten years: more is a mistake, and no clock can wait for it."""

LARGEST_OBJECTIVE = 1e15
"""Magnitude of an objective beyond which a limit is a mistake: a detector counts to 10⁵."""


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
        for key, count in (("experiments", stage.experiments), ("batch", stage.batch)):
            if count > MOST_EXPERIMENTS:
                most = f"at most {MOST_EXPERIMENTS} experiments a stage"
                yield Finding((*here, key), f"got {count}", expected=most)
        if stage.order_by is not None:
            yield from names.one_of(stage.order_by, known, "variable", (*here, "order_by"))
            if stage.order is not None:
                message = "a batch has one order"
                yield Finding((*here, "order"), message, expected="`order` or `order_by`, not both")
        if stage.until_r2 is not None:
            yield from _explained(profile, stage.until_r2, (*here, "until_r2"))
        if stage.arm is not None and not stage.arm.strip():
            yield Finding((*here, "arm"), "an arm has a name", expected="a name, or no such key")


def surrogates(profile: Profile) -> Iterator[Finding]:
    """There is a surrogate where an optimizer needs one."""
    if profile.campaign is None or profile.campaign.surrogate is not None:
        return
    for index, stage in enumerate(profile.campaign.stages):
        if isinstance(stage.settings, OptimizerSettings) and stage.settings.needs_surrogate:
            yield Finding(
                ("campaign", "stages", index, "optimizer"),
                f"{stage.name}: the optimizer {stage.offer.name!r} needs a surrogate, and the "
                "campaign names none",
                expected='a [campaign.surrogate], for instance with name = "gp"',
            )


def optimized(profile: Profile) -> Iterator[Finding]:
    """What an optimizer maximizes or minimizes is there, and known to the surrogate if it asks."""
    objective = profile.objective
    features = (objective.name, *features_of(profile))
    responses = (objective.name, *objective.responses)
    for index, stage in enumerate(() if profile.campaign is None else profile.campaign.stages):
        settings, here = stage.settings, ("campaign", "stages", index)
        if not isinstance(settings, OptimizerSettings):
            continue
        for key in ("maximize", "minimize"):
            for place, name in enumerate(getattr(settings, key)):
                if settings.needs_surrogate:
                    what, known = "response that the surrogate models", responses
                else:
                    what, known = "feature", features
                yield from names.one_of(name, known, what, (*here, key, place))


def _explained(profile: Profile, share: float, path: Path) -> Iterator[Finding]:
    """R² lies between 0 and 1, and there is a surrogate."""
    if not 0 < share < 1:
        yield Finding(path, f"got {share:g}", expected="more than 0 and less than 1")
    if profile.campaign is not None and profile.campaign.surrogate is None:
        message = "`until_r2` needs a surrogate"
        yield Finding(path, message, expected="a [campaign.surrogate]", on_key=True)


def optimizer(profile: Profile) -> Iterator[Finding]:
    """Limits of time, memory and repeats are such as an optimizer can work with."""
    if profile.campaign is None:
        return
    for key, value, least, most, unit in (
        ("optimizer_deadline", profile.campaign.optimizer_deadline_s, 1.0, 30.0 * DAY_S, "s"),
        ("optimizer_memory", profile.campaign.optimizer_memory_gb, LEAST_GB, 1e6, "GB"),
        ("repeats_at_most", profile.campaign.repeats_at_most, 1, MOST_EXPERIMENTS, ""),
        ("pending", profile.campaign.pending, 1, MOST_EXPERIMENTS, ""),
    ):
        if not least <= value <= most:
            yield Finding(
                ("campaign", key),
                f"got {value:g} {unit}".rstrip(),
                expected=f"{least:g} to {most:g} {unit}".rstrip(),
            )


def seed_and_end(profile: Profile) -> Iterator[Finding]:
    """The seed is one that every generator takes, and the rules that end a campaign can be met."""
    if profile.campaign is None:
        return
    seed, stop = profile.campaign.seed, profile.campaign.stop
    if not 0 <= seed <= SEED_MAX:
        yield Finding(("campaign", "seed"), f"got {seed}", expected=f"0 to {SEED_MAX}")
    if stop.objective_above is not None and abs(stop.objective_above) > LARGEST_OBJECTIVE:
        yield Finding(
            ("campaign", "stop", "objective_above"),
            f"got {stop.objective_above:g}, which is never reached",
            expected="a value that the objective can have, or no such key",
        )
    if stop.at_most_s is not None and stop.at_most_s > LONGEST_S:
        yield Finding(
            ("campaign", "stop", "at_most"),
            f"got {stop.at_most_s / 3600:g} h",
            expected=f"at most {LONGEST_S / 3600:g} h, or no such key",
        )


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


def counted(profile: Profile) -> Iterator[Finding]:
    """Where earlier experiments count as those of a stage, there are some of the same rig."""
    if profile.campaign is None:
        return
    if any(one.trust == "same-rig" for one in profile.campaign.prior):
        return
    for index, stage in enumerate(profile.campaign.stages):
        if stage.counts_prior:
            path: Path = ("campaign", "stages", index, "counts_prior")
            message = "there are no earlier experiments of the same rig to count"
            expected = 'a [[campaign.prior]] with trust = "same-rig"'
            yield Finding(path, message, expected=expected, on_key=True)


def pending(profile: Profile) -> Iterator[Finding]:
    """Experiments run ahead of results only where the objective waits for results."""
    if profile.campaign is None or profile.campaign.pending == 1:
        return
    later = later_features(features_of(profile), profile.analysis.off_line_units)
    if later.keys() & {*profile.objective.responses}:
        return
    yield Finding(
        ("campaign", "pending"),
        "the objective waits for no off-line result",
        expected="an objective that does, or no such key",
        on_key=True,
    )


RULES = (stages, surrogates, optimized, optimizer, pending, seed_and_end, prior, counted)
