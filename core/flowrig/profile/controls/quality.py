"""Quality checks of a profile: their settings fit the rig."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from flowrig.errors import FlowrigError
from flowrig.interfaces.quality import QualitySettings
from flowrig.profile.controls.objections import objection_to
from flowrig.profile.controls.studies import asked
from flowrig.profile.model import Feature, Profile
from flowrig.profile.problems import Finding, nearest

__all__ = ["quality_checks"]


def quality_checks(
    profile: Profile, features_of: Callable[[Profile], Mapping[str, Feature]]
) -> Iterator[Finding]:
    """Checks name features and channels that there are, and their settings are possible."""
    known: dict[str, Iterable[str]] = {}
    if profile.quality:
        known = {"feature": features_of(profile), "channel": profile.analysis.channels}
    for name, rule in profile.quality.items():
        wrong = False
        for what, names in known.items():
            for place, one in enumerate(getattr(rule.settings, f"{what}s", None) or ()):
                if one not in names:
                    wrong = True
                    yield Finding(
                        ("quality", name, f"{what}s", place),
                        f"unknown {what} {one!r}",
                        expected=f"one of {', '.join(sorted(names))}",
                        nearest=nearest(one, names),
                    )
        if isinstance(rule.settings, QualitySettings) and not wrong:
            try:
                objection = asked(rule.settings.objection)
            except FlowrigError as error:
                objection = f"its settings cannot be checked: {error}"
            if objection:
                here = ("quality", name)
                yield objection_to(type(rule.settings), objection, here, name, "use")
