"""From a name or path to a profile and a campaign, with every problem found on the way."""

import re
from pathlib import Path
from typing import Any

import attrs
import tomlkit

from flowrig.profile.library import Finder
from flowrig.profile.linear import expand_rules
from flowrig.profile.mismatch import toml_key
from flowrig.profile.model import Campaign, Profile
from flowrig.profile.problems import Finding, Place, Problem, ProfileError, nearest, shown
from flowrig.profile.quantity import split_suffix
from flowrig.profile.rules import check
from flowrig.profile.rules.space import reachable
from flowrig.profile.source import Document, extended, parse_text, read_document
from flowrig.profile.structure import OfferSource, Structurer

__all__ = [
    "check_profile",
    "load_campaign",
    "load_profile",
    "load_profile_text",
    "load_target",
    "merged_toml",
]

_GIVEN = ("name", "digest")
"""Fields of a profile that stand outside its content."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


def load_profile(target: str | Path, plugins: OfferSource) -> Profile:
    """Load a profile; a campaign file gives its profile with that campaign.

    Args:
        target: a name, or a path.
        plugins: what is installed.

    Raises:
        ProfileError: everything that is wrong with it, each with file, line and column.
    """
    name, document = _document(target, plugins)
    return _profile(name, document, plugins)


def check_profile(target: str | Path, plugins: OfferSource) -> list[Problem]:
    """Everything that is wrong with a profile or campaign; an empty list if it can be used."""
    try:
        load_profile(target, plugins)
    except ProfileError as error:
        return list(error.problems)
    return []


def load_profile_text(text: str, file: str, plugins: OfferSource) -> Profile:
    """Load a profile from its text, for instance the frozen copy that a run keeps.

    Args:
        text: TOML.
        file: what messages call it; a relative `extends` starts from its folder, and it names the
            profile unless the text does.
        plugins: what is installed.

    Raises:
        ProfileError: everything that is wrong with it.
    """
    finder = Finder(plugins)
    document = extended(parse_text(text, file), finder.find)
    name, document = _on_profile(document, Path(file).stem, finder)
    return _profile(name, document, plugins)


def load_campaign(path: str | Path, plugins: OfferSource) -> tuple[Profile, Campaign]:
    """Load a campaign file, or the campaign that a profile brings along.

    Raises:
        ProfileError: everything that is wrong with either, or there is no campaign.
    """
    profile = load_profile(path, plugins)
    if profile.campaign is None:
        place = Place(str(Finder(plugins).find(path)), 0, 0)
        raise ProfileError([Problem(place, "there is no campaign in it", "a table [campaign]")])
    return profile, profile.campaign


def load_target(target: str | Path, plugins: OfferSource) -> tuple[Profile, Campaign | None]:
    """Load what a command line names: a campaign file, or a profile with its own campaign if any.

    Raises:
        ProfileError: everything that is wrong with it.
    """
    profile = load_profile(target, plugins)
    return profile, profile.campaign


def merged_toml(target: str | Path, plugins: OfferSource) -> str:
    """One self-contained text for a profile or campaign, with all that it extends.

    It loads to the same profile and digest, under whatever file name it is kept.

    Raises:
        ProfileError: a file cannot be read or is not TOML.
    """
    name, document = _document(target, plugins)
    return tomlkit.dumps({"name": name, **document.content})


def _document(target: str | Path, plugins: OfferSource) -> tuple[str, Document]:
    finder = Finder(plugins)
    file = finder.find(target)
    return _on_profile(read_document(file, finder.find), file.stem, finder)


def _on_profile(document: Document, name: str, finder: Finder) -> tuple[str, Document]:
    """The whole content: what is extended, and for a campaign the profile underneath."""
    if "profile" not in document.content:
        return _own_name(document, name)
    target = document.content["profile"]
    place = document.spots["profile",].value
    if not isinstance(target, str):
        raise ProfileError([Problem(place, f"got {shown(target)}", "the name of a profile")])
    try:
        file = finder.find(target, Path(document.file).parent)
    except ProfileError as error:
        first = error.problems[0]
        raise ProfileError([attrs.evolve(first, place=place)]) from error
    profile = read_document(file, finder.find).without("campaign")
    if "profile" in profile.content:
        raise ProfileError([Problem(place, f"{target!r} is a campaign itself", "a profile")])
    name, profile = _own_name(profile, file.stem)
    return name, document.without("profile").below("campaign").over(profile)


def _own_name(document: Document, name: str) -> tuple[str, Document]:
    """The name that a profile gives itself, else that of its file; and the rest of it."""
    if "name" not in document.content:
        return name, document
    own = document.content["name"]
    if not isinstance(own, str) or not _NAME.fullmatch(own):
        place = document.spots["name",].value
        expected = "a text of letters, digits, dots, hyphens and underscores"
        raise ProfileError([Problem(place, f"got {shown(own)}", expected)])
    return own, document.without("name")


_newest: list[Structurer] = []
"""The structurer that was made last: making one takes longer than using it."""


def _structurer(plugins: OfferSource) -> Structurer:
    if not (_newest and _newest[0].plugins is plugins):
        _newest[:] = [Structurer(plugins)]
    return _newest[0]


def _profile(name: str, document: Document, plugins: OfferSource) -> Profile:
    structurer = _structurer(plugins)
    findings: list[Finding] = []
    sections: dict[str, Any] = {}
    fields = {toml_key(one): one for one in attrs.fields(Profile) if one.name not in _GIVEN}
    findings += [
        Finding((key,), f"unknown key {key!r}", nearest=nearest(key, fields), on_key=True)
        for key in document.content
        if key not in fields
    ]
    for key, attribute in fields.items():
        if key in document.content:
            value, wrong = structurer.structure(
                document.content[key], attribute.type, (key,), split_suffix(attribute.name)[1]
            )
            findings += wrong
            if not wrong:
                sections[attribute.name] = value
        elif attribute.default is attrs.NOTHING:
            findings.append(Finding((), f"missing key {key!r}"))
        else:
            sections[attribute.name] = _default(attribute)
    if sections.get("campaign") is not None:
        sections["campaign"] = _beside_their_file(sections["campaign"], document)
    findings += check(sections)
    if not findings:
        expanded, _ = expand_rules(sections.pop("dependent_flows"))
        profile = Profile(name=name, digest=document.digest, dependent_flows=expanded, **sections)
        findings += reachable(profile)
        if not findings:
            return profile
    raise ProfileError(sorted(map(document.problem, findings), key=lambda one: one.place))


def _beside_their_file(campaign: Campaign, document: Document) -> Campaign:
    """A campaign whose prior knowledge is where the file that names it says."""
    found = []
    for index, prior in enumerate(campaign.prior):
        named_in = document.spots["campaign", "prior", index, "source"].value.file
        found.append(attrs.evolve(prior, source=Path(named_in).parent / prior.source))
    return attrs.evolve(campaign, prior=tuple(found))


def _default(attribute: "attrs.Attribute[Any]") -> Any:
    default: Any = attribute.default
    return default.factory() if hasattr(default, "factory") else default
