"""Loads profiles and campaigns by name or path, and reports every problem in them."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import tomlkit
from attrs import frozen

from flowrig.profile.controls import equations_of, needs_equations
from flowrig.profile.controls.studies import with_studies
from flowrig.profile.data import DataProfile, is_data, load_data
from flowrig.profile.library import Finder
from flowrig.profile.linear import expand_rules
from flowrig.profile.lines import once_each, with_lines, with_positions
from flowrig.profile.mismatch import toml_key
from flowrig.profile.model import DEFAULT_SIMULATION, Campaign, Profile, Setting, Simulation
from flowrig.profile.model.devices import as_driven
from flowrig.profile.model.flow import with_vessels
from flowrig.profile.problems import Finding, Place, Problem, ProfileError, nearest, shown
from flowrig.profile.quantity import split_suffix
from flowrig.profile.rules import check, with_plain_sources
from flowrig.profile.rules.devices import at_their_keys
from flowrig.profile.rules.flow_path import counted
from flowrig.profile.rules.safe_state import complete
from flowrig.profile.rules.space import optimizers_fit, reachable
from flowrig.profile.rules.steps import timed
from flowrig.profile.shorthand import as_lists, at_its_name, with_total_flow
from flowrig.profile.source import Document, extended, parse_text, read_document
from flowrig.profile.structure import OfferSource, Structurer

__all__ = [
    "ProfileSource",
    "check_profile",
    "load_campaign",
    "load_profile",
    "load_profile_text",
    "load_rig_alone",
    "load_target",
    "merged_toml",
    "read_profile",
    "read_profile_text",
]

_GIVEN = ("name", "digest", "system", "equations")
"""Fields of a profile that stand outside its content."""

_BESIDE_THE_RIG = ("analysis", "objective", "campaign", "simulation")
"""Keys of a profile that name plugins without which its rig can be made safe."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


@frozen
class ProfileSource:
    """The content of a profile or campaign with everything that it extends; each file is read once.

    Attributes:
        name: of the profile.
        document: the content, and where each value was set.
        plugins: installed plugins.
    """

    name: str
    document: Document
    plugins: OfferSource

    def load(self) -> Profile:
        """Check the content.

        Raises:
            ProfileError: everything that is wrong with it, each with file, line and column.
        """
        if is_data(self.document):
            message = "it describes data, and no rig: there is nothing to open, and nothing to run"
            expected = "`flowrig check` or `flowrig twin`, or the keys `devices`, `streams`, `path`"
            raise ProfileError([Problem(Place(self.document.file), message, expected)])
        return _profile(self.name, self.document, self.plugins)

    def load_any(self) -> Profile | DataProfile:
        """Check the content, that of a rig or that of data without one.

        Raises:
            ProfileError: everything that is wrong with it, each with file, line and column.
        """
        if is_data(self.document):
            return load_data(self.name, self.document, Structurer(self.plugins))
        return self.load()

    @property
    def text(self) -> str:
        """One self-contained TOML text; it loads to the same profile and digest."""
        return tomlkit.dumps({"name": self.name, **self.document.content})

    def with_table(self, key: str, table: Mapping[str, Any]) -> "ProfileSource":
        """The same with another top-level table; its values keep the places of the old ones."""
        content = {**self.document.content, key: dict(table)}
        return attrs.evolve(self, document=attrs.evolve(self.document, content=content))

    def with_study(self, name: str) -> "ProfileSource":
        """The same with a campaign of one study, which derives everything from the rig.

        Raises:
            PluginError: no plugin offers this study.
        """
        self.plugins.offer("study", name)
        stage = {"name": name, "study": name}
        return self.with_table("campaign", {"title": f"Study: {name}", "stages": [stage]})


def read_profile(target: str | Path, plugins: OfferSource) -> ProfileSource:
    """Read a profile or campaign, with everything that it extends, and check nothing but its form.

    Args:
        target: a name, or a path.
        plugins: installed plugins.

    Raises:
        ProfileError: a file cannot be read or is not TOML.
    """
    finder = Finder(plugins)
    file = finder.find(target)
    name, document = _on_profile(read_document(file, finder.find), file.stem, finder)
    return ProfileSource(name, document, plugins)


def load_profile(target: str | Path, plugins: OfferSource) -> Profile:
    """Load a profile; a campaign file gives its profile with that campaign.

    Args:
        target: a name, or a path.
        plugins: installed plugins.

    Raises:
        ProfileError: everything that is wrong with it, each with file, line and column.
    """
    return read_profile(target, plugins).load()


def check_profile(target: str | Path, plugins: OfferSource) -> list[Problem]:
    """Everything that is wrong with a profile or campaign; an empty list if it can be used."""
    try:
        read_profile(target, plugins).load_any()
    except ProfileError as error:
        return list(error.problems)
    return []


def load_profile_text(text: str, file: str, plugins: OfferSource) -> Profile:
    """Load a profile from its text, for instance the frozen copy that a run keeps.

    Args:
        text: TOML.
        file: file name in messages; a relative `extends` starts from its folder, and its stem names
            the profile unless the text does.
        plugins: installed plugins.

    Raises:
        ProfileError: everything that is wrong with it.
    """
    return read_profile_text(text, file, plugins).load()


def read_profile_text(text: str, file: str, plugins: OfferSource) -> ProfileSource:
    """As `read_profile`, from a text; `load_profile_text` says what `file` is for.

    Raises:
        ProfileError: the text is not TOML.
    """
    finder = Finder(plugins)
    document = extended(parse_text(text, file), finder.find)
    return ProfileSource(*_on_profile(document, Path(file).stem, finder), plugins)


def load_rig_alone(source: ProfileSource) -> Profile:
    """Load a profile as far as its rig must be made safe.

    No rule is applied: the text was sound when the run began, and a later rule, or a broken plugin
    of an optimizer, must not keep anybody from switching the heat off. `analysis`, `objective`,
    `campaign` and `simulation` are None if no plugin of the source offers what they name.

    Args:
        source: the content, and plugins with the drivers of the rig.

    Raises:
        ProfileError: the part that describes the rig is wrong.
    """
    document, _ = _written_out(source.document, source.plugins)
    structurer = Structurer(source.plugins, lenient=True)
    findings: list[Finding] = []
    sections: dict[str, Any] = {}
    for key, attribute in _fields().items():
        value, wrong = None, [Finding((), f"missing key {key!r}")]
        if key == "simulation" and key not in document.content:
            value, wrong = _absent(structurer, attribute), []
        elif key in document.content:
            value, wrong = _structured(structurer, document, key, attribute, sections)
        if wrong and key in _BESIDE_THE_RIG:
            value = None
        elif wrong and attribute.default is not attrs.NOTHING:
            value = _default(attribute)
        elif wrong:
            findings += wrong
        sections[attribute.name] = value
        if not wrong:
            _drive_streams(sections, attribute.name)
    if findings:
        raise ProfileError(sorted(map(document.problem, findings), key=lambda one: one.place))
    sections["dependent_flows"], _ = expand_rules(sections["dependent_flows"])
    sections["safe_state"] = _safe_state(sections)
    sections["path"] = at_their_keys(sections["path"], sections["devices"])
    sections["limits"] = with_total_flow(sections["limits"], sections["streams"])
    return Profile(name=source.name, digest=source.document.digest, **sections)


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
    """Load the target of a command line: a campaign file, or a profile with its campaign if any.

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
    return read_profile(target, plugins).text


def _on_profile(document: Document, name: str, finder: Finder) -> tuple[str, Document]:
    """The complete content; that of a campaign includes its profile."""
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
    """The name in a profile, else that of its file; and the profile without the name."""
    if "name" not in document.content:
        return name, document
    own = document.content["name"]
    if not isinstance(own, str) or not _NAME.fullmatch(own):
        place = document.spots["name",].value
        expected = "a text of letters, digits, dots, hyphens and underscores"
        raise ProfileError([Problem(place, f"got {shown(own)}", expected)])
    return own, document.without("name")


def _profile(name: str, document: Document, plugins: OfferSource) -> Profile:
    structurer = Structurer(plugins)
    digest = document.digest
    document, findings = _written_out(document, plugins)
    sections: dict[str, Any] = {}
    fields = _fields()
    findings += [
        Finding((key,), f"unknown key {key!r}", nearest=nearest(key, fields), on_key=True)
        for key in document.content
        if key not in fields
    ]
    for key, attribute in fields.items():
        if key in document.content:
            value, wrong = _structured(structurer, document, key, attribute, sections)
            findings += wrong
            if not wrong:
                sections[attribute.name] = value
                _drive_streams(sections, attribute.name)
        elif attribute.default is attrs.NOTHING:
            findings.append(Finding((), f"missing key {key!r}"))
        else:
            sections[attribute.name] = _absent(structurer, attribute)
    if sections.get("campaign") is not None:
        sections["campaign"] = _beside_their_file(sections["campaign"], document)
    sections["equations"], wrong = _equations(structurer, document, sections)
    findings += wrong
    if {"limits", "streams"} <= sections.keys():
        sections["limits"] = with_total_flow(sections["limits"], sections["streams"])
    if {"path", "devices"} <= sections.keys():
        sections["path"] = at_their_keys(sections["path"], sections["devices"])
    sections = with_plain_sources(sections)
    findings += check(sections)
    if not findings:
        profile, findings = _whole(name, digest, sections)
        if not findings:
            return profile
    findings = once_each(findings, document.content)
    findings = [at_its_name(one, document.content) for one in findings]
    raise ProfileError(sorted(map(document.problem, findings), key=lambda one: one.place))


def _written_out(document: Document, plugins: OfferSource) -> tuple[Document, list[Finding]]:
    """The content with ranges of positions and lines written out, and what is wrong with them."""
    document, findings = with_positions(document, plugins.drivers())
    document, wrong = with_lines(document)
    return document, [*findings, *wrong]


def _whole(name: str, digest: str, sections: dict[str, Any]) -> tuple[Profile, list[Finding]]:
    """The profile of sections that are sound each by itself, and what is wrong with the whole."""
    expanded, _ = expand_rules(sections.pop("dependent_flows"))
    sections["safe_state"] = _safe_state(sections)
    profile = Profile(name=name, digest=digest, dependent_flows=expanded, **sections)
    if needs_equations(profile):
        profile = attrs.evolve(profile, system=equations_of(profile).system)
    findings = [*reachable(profile), *optimizers_fit(profile), *counted(profile)]
    if not findings:
        findings += timed(profile)
    return (profile, findings) if findings else with_studies(profile, _wrong_with)


def _wrong_with(profile: Profile) -> list[Finding]:
    """What rules find in a whole profile."""
    sections = {one.name: getattr(profile, one.name) for one in attrs.fields(Profile)}
    return [*check(sections), *reachable(profile)]


def _safe_state(sections: Mapping[str, Any]) -> Any:
    """The steps of the safe state, with all that they mean and leave out."""
    devices, analysis = sections["devices"], sections.get("analysis")
    if analysis is None:  # a rig that is loaded to be made safe: every light is tried
        lights = [name for name, one in devices.items() if one.offer.kind == "spectrometer"]
    else:
        lights = list(analysis.shuttered)
    return complete(sections["safe_state"], devices, sections["streams"], lights)


def _fields() -> "dict[str, attrs.Attribute[Any]]":
    """The fields of a profile that its content has, by key."""
    return {toml_key(one): one for one in attrs.fields(Profile) if one.name not in _GIVEN}


def _structured(
    structurer: Structurer,
    document: Document,
    key: str,
    attribute: "attrs.Attribute[Any]",
    sections: Mapping[str, Any],
) -> tuple[Any, list[Finding]]:
    value = document.content[key]
    if key == "settings" and isinstance(value, dict):  # the others are equations
        controlled = _controlled(sections)
        value = {name: one for name, one in value.items() if name in controlled}
    value = as_lists(key, value, sections.get("streams") or {})
    return structurer.structure(value, attribute.type, (key,), split_suffix(attribute.name)[1])


def _drive_streams(sections: dict[str, Any], newest: str) -> None:
    """Once the streams are known, mark the devices that they drive without a syringe.

    Once the path is known too, a stream that draws from a vessel has its volume.
    """
    if newest == "streams" and "devices" in sections:
        sections["devices"] = as_driven(sections["devices"], sections["streams"])
    if newest == "path" and "streams" in sections:
        sections["streams"] = with_vessels(sections["streams"], sections["path"])


def _controlled(sections: Mapping[str, Any]) -> frozenset[str]:
    """The devices that are set to a number or turned to a position."""
    devices = sections.get("devices") or {}
    return frozenset(name for name, entry in devices.items() if entry.is_controlled)


def _equations(
    structurer: Structurer, document: Document, sections: Mapping[str, Any]
) -> tuple[tuple[Setting, ...], list[Finding]]:
    """The entries of `[settings]` that are no device that is set or turned."""
    table, controlled = document.content.get("settings"), _controlled(sections)
    if not isinstance(table, dict):
        return (), []
    others = {name: one for name, one in table.items() if name not in controlled}
    found, wrong = structurer.structure(others, tuple[Setting, ...], ("settings",))
    return found or (), wrong


def _beside_their_file(campaign: Campaign, document: Document) -> Campaign:
    """A campaign whose sources of prior knowledge are relative to the file that names them."""
    found = []
    for index, prior in enumerate(campaign.prior):
        named_in = document.spots["campaign", "prior", index, "source"].value.file
        found.append(attrs.evolve(prior, source=Path(named_in).parent / prior.source))
    return attrs.evolve(campaign, prior=tuple(found))


def _absent(structurer: Structurer, attribute: "attrs.Attribute[Any]") -> Any:
    """The value of a field whose key is not in the content."""
    if attribute.name == "simulation":
        # None if no installed plugin offers the default world or its chemistry.
        return structurer.structure(dict(DEFAULT_SIMULATION), Simulation, ("simulation",))[0]
    return _default(attribute)


def _default(attribute: "attrs.Attribute[Any]") -> Any:
    default: Any = attribute.default
    return default.factory() if hasattr(default, "factory") else default
