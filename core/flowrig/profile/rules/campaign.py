"""The stages of a campaign."""

from collections.abc import Iterator

from flowrig.profile.model import Profile
from flowrig.profile.problems import Finding, Path
from flowrig.profile.rules import names

__all__ = ["RULES"]


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
        if stage.order_by is not None:
            yield from names.one_of(stage.order_by, known, "variable", (*here, "order_by"))


RULES = (stages,)
