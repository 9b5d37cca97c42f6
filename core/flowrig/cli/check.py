"""`flowrig plugins`, `flowrig profiles` and `flowrig check`."""

import sys
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click
from attrs import asdict

from flowrig.cli.terminal.printing import print_entries, print_json, print_paragraph, say
from flowrig.journal.visible import visible_line

if TYPE_CHECKING:
    from flowrig.profile import Problem

__all__ = ["check", "plugins", "profiles"]

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")


@click.command(short_help="List drivers, optimizers and models, and the packages that they need.")
@as_json
def plugins(as_json: bool) -> None:
    """List the offers of the installed plugins, and whether their packages are installed.

    A profile or a campaign uses these names. No instrument is opened, and no instrument package is
    imported.
    """
    from flowrig.plugins.registry import Plugins

    found = Plugins.discover(warn=False)
    rows: list[dict[str, Any]] = [
        {
            "kind": listed.offer.kind,
            "name": listed.offer.name,
            "distribution": listed.plugin.distribution,
            "version": listed.plugin.version,
            "plugin": listed.plugin.name,
            "ready": not listed.offer.missing(),
            "missing": list(listed.offer.missing()),
            "install": listed.offer.install,
            "summary": listed.offer.summary,
        }
        for listed in sorted(found.listed, key=lambda item: (item.offer.kind, item.offer.name))
    ]
    told = (*found.broken.values(), *found.contested.values(), *found.unread)
    if as_json:
        print_json({"plugins": rows, "broken": dict(found.broken)})
    else:
        for kind, of_kind in groupby(rows, key=lambda row: row["kind"]):
            say(kind, underline=True)
            print_entries(
                (f"  {row['name']}", row["summary"], f"{_origin(row)}, {_needs(row)}")
                for row in of_kind
            )
        for message in dict.fromkeys(told):
            say(message, fg="red", err=True)
    sys.exit(2 if found.broken or found.contested else 0)


def _origin(row: dict[str, Any]) -> str:
    return f"{row['distribution']} {row['version']}".strip()


def _needs(row: dict[str, Any]) -> str:
    if row["ready"]:
        return "ready"
    return f"needs: pip install '{row['install'] or ' '.join(row['missing'])}'"


@click.command(short_help="List the rig profiles that can be used by name.")
@as_json
def profiles(as_json: bool) -> None:
    """List the rig profiles and campaigns that can be used by name, without a path.

    A name is accepted wherever a path is: in `extends`, and by commands such as `check` and `run`.
    """
    from flowrig.plugins.registry import Plugins
    from flowrig.profile import list_profiles

    listed = list_profiles(Plugins.discover())
    if as_json:
        rows = [{key: str(value) for key, value in asdict(row).items()} for row in listed]
        print_json(rows)
        return
    print_entries((row.name, row.title, str(row.file)) for row in listed)


@click.command(short_help="List every problem of a rig profile or campaign.")
@click.argument("profile")
@click.option(
    "--connect",
    is_flag=True,
    help="Open and identify every device, and set the syringes of the pumps; nothing moves.",
)
@click.option("--simulate", is_flag=True, help="The same with emulated instruments.")
@click.option(
    "--numbers",
    is_flag=True,
    help="Also the design numbers of the flow path, such as Re and mixing times.",
)
@as_json
def check(profile: str, *, connect: bool, simulate: bool, numbers: bool, as_json: bool) -> None:
    """Check a rig profile or a campaign: every problem with its file, line and column.

    PROFILE is a name that `flowrig profiles` lists, or the path of a file. If there is no problem,
    the command prints a summary of the rig, and whether --simulate works, with which chemistry. It
    also lists what `flowrig run` would refuse, such as a light that cannot be shut. Some of that
    only the instruments know: their limits with these syringes, and the wavelengths that they see.
    Ports are opened only with --connect.

    \b
    Examples:
      flowrig check cs3cu2i5-heatup-chem3
      flowrig check my-rig.toml --simulate
      flowrig check my-rig.toml --connect
      flowrig check my-rig.toml --numbers
    """
    from flowrig.plugins.registry import Plugins
    from flowrig.profile import DataProfile
    from flowrig.run.preflight import refusals, simulation_outlook

    plugins = Plugins.discover()
    loaded, problems, replaced = _load(profile, plugins)
    if isinstance(loaded, DataProfile):
        _check_data(loaded, wants_rig=connect or simulate or numbers, as_json=as_json)
        return
    refused = [] if loaded is None else refusals(loaded, plugins)
    outlook = None if loaded is None else simulation_outlook(loaded)
    if simulate and outlook is not None and outlook.refusal:
        refused.append(outlook.refusal)
    devices = {}
    if loaded is not None and not refused and (connect or simulate):
        devices = _identify(loaded, plugins, simulate=simulate)
    if as_json:
        told = {"refused": refused, **_plain_outlook(outlook), "devices": devices}
        _print_checked(loaded, problems, told, numbers=numbers)
    else:
        for text in (*map(str, problems), *refused):
            say(text, fg="red", err=True)
        if loaded is not None and not refused:
            _describe(loaded, devices, numbers=numbers)
            _print_replaced(replaced)
            _print_outlook(outlook)
    sys.exit(2 if problems or refused else 0)


def _print_checked(
    loaded: Any, problems: Sequence["Problem"], told: dict[str, Any], *, numbers: bool
) -> None:
    """Print what was found as JSON."""
    from flowrig.cli.runs.design_numbers import path_as_json

    path = {} if loaded is None else path_as_json(loaded, numbers=numbers)
    print_json({"problems": [_plain(problem) for problem in problems], **told, **path})


def _load(profile: str, plugins: Any) -> tuple[Any, Sequence["Problem"], Sequence[str]]:
    """The profile of a rig or of data, None if it has problems; the problems; and what the
    inherited interlocks were about that it replaces."""
    from flowrig.profile import ProfileError, read_profile

    try:
        source = read_profile(profile, plugins)
        return source.load_any(), (), source.document.replaced_rules
    except ProfileError as error:
        return None, error.problems, ()


def _print_replaced(rules: Sequence[str]) -> None:
    """Interlocks that are not there any more, which a person may not have meant."""
    if rules:
        text = (
            f"[[interlocks]] replaces what is inherited, on {', '.join(dict.fromkeys(rules))}; "
            "[interlocks.NAME] adds one and keeps them"
        )
        print_paragraph(text, indent=2, fg="yellow")


def _check_data(data: Any, *, wants_rig: bool, as_json: bool) -> None:
    """Check the tables of a profile without devices, and say what it describes.

    Raises:
        InputError: an option needs a rig.
    """
    from flowrig.errors import InputError
    from flowrig.run_record.experiments_of import read_data

    if wants_rig:
        raise InputError(f"{data.name} describes data, and no rig: check it without this option")
    refused, experiments = [], None
    try:
        experiments = read_data(data)
    except InputError as error:
        refused.append(str(error))
    if as_json:
        count = 0 if experiments is None else len(experiments.X)
        told = {"problems": [], "refused": refused, "devices": {}, "experiments": count}
        print_json({**told, **_plain_outlook(None)})
    else:
        for text in refused:
            say(text, fg="red", err=True)
        if experiments is not None:
            _describe_data(data, experiments)
    sys.exit(2 if refused else 0)


def _describe_data(data: Any, experiments: Any) -> None:
    """Print a summary of data."""
    say(f"{data.name} is sound", fg="green", nl=False)
    say(visible_line(f": {data.title}"))
    say("  data without a rig: nothing runs; flowrig twin learns from it")
    conditions = (
        f"{one.name} ({' or '.join(one.choices) or one.unit})".replace(" ()", "")
        for one in data.space.parameters
    )
    print_paragraph(f"conditions: {', '.join(conditions)}", indent=2)
    features = (f"{name} ({unit})" if unit else name for name, unit in data.units.items())
    print_paragraph(f"features: {', '.join(features)}", indent=2)
    tables = ", ".join(str(one.source) for one in data.priors)
    left_out = f", {experiments.left_out} rows left out" if experiments.left_out else ""
    print_paragraph(f"{len(experiments.X)} experiments{left_out}, from {tables}", indent=2)


def _plain_outlook(outlook: Any) -> dict[str, Any]:
    """What `--simulate` will do, as JSON types."""
    if outlook is None:
        return {"cannot_be_simulated": "", "simulation": None}
    told = {key: getattr(outlook, key) for key in ("works", "chemistry", "invented")}
    told["unanswered"] = list(outlook.unanswered)
    return {"cannot_be_simulated": outlook.refusal, "simulation": told}


def _print_outlook(outlook: Any) -> None:
    """What `--simulate` will do; in yellow if its numbers are invented, or results lack."""
    sure = outlook.works and not outlook.invented and not outlook.unanswered
    print_paragraph(str(outlook), indent=2, fg=None if sure else "yellow")


def _plain(problem: Any) -> dict[str, Any]:
    """A problem of a profile as JSON types."""
    return {
        "file": problem.place.file,
        "line": problem.place.line,
        "column": problem.place.column,
        "message": problem.message,
        "expected": problem.expected,
        "nearest": problem.nearest,
    }


def _describe(profile: Any, devices: Mapping[str, Any], *, numbers: bool) -> None:
    """Print a summary of a profile, and of identified devices, to compare with the rig."""
    from flowrig.cli.runs.design_numbers import path_sentences, print_numbers
    from flowrig.cli.runs.safety_rules import print_safety

    say(f"{profile.name} is sound", fg="green", nl=False)
    say(visible_line(f": {profile.title}"))
    say(f"  {len(profile.devices)} devices, {len(profile.streams)} streams")
    for sentence in path_sentences(profile):
        print_paragraph(sentence, indent=2)
    for name, device in profile.devices.items():
        for sentence in device.settings.describe():
            print_paragraph(f"{name}: {sentence}", indent=2)
    for name, channel in profile.analysis.channels.items():
        print_paragraph(f"channel {name}: {channel}", indent=2)
    names = ", ".join(
        f"{name} ({feature.unit})" if feature.unit else name
        for name, feature in profile.features.items()
    )
    print_paragraph(f"features: {names}", indent=2)
    steps = ", then ".join(step.do for step in profile.safe_state)
    print_paragraph(f"safe state: {steps}", indent=2)
    print_safety(profile)
    if profile.campaign is not None:
        stages = ", then ".join(_stage(stage) for stage in profile.campaign.stages)
        print_paragraph(f"campaign: {stages}", indent=2)
        if profile.campaign.reference is not None:
            print_paragraph(_reference(profile.campaign.reference), indent=2)
    _print_missing(profile)
    if numbers:
        print_numbers(profile)
    for name, identity in devices.items():
        say(f"  {name}: {' '.join(filter(None, identity.values()))}")


def _reference(reference: Any) -> str:
    times = "once" if reference.repeats == 1 else f"{reference.repeats} times"
    every = f", after every {reference.every} experiments" if reference.every else ""
    return f"reference condition: {times} at the beginning{every}, and for each fresh batch"


def _stage(stage: Any) -> str:
    if stage.is_study:
        named = "" if stage.name == stage.offer.name else f" ({stage.offer.name})"
        return f"the study {stage.name}{named}"
    arm = f" (arm {stage.arm})" if stage.arm else ""
    return f"{stage.experiments} {stage.name} by {stage.offer.name}{arm}"


def _print_missing(profile: Any) -> None:
    """Name what a run needs and lacks: packages that are not installed, and addresses."""
    from flowrig.claims import is_placeholder
    from flowrig.plugins.offers import requirements

    unknown = [
        name
        for name, device in profile.devices.items()
        if any(map(is_placeholder, device.settings.connects_to()))
    ]
    if unknown:
        names = ", ".join(unknown)
        say(f"  to run it on instruments, first put their addresses into: {names}", fg="yellow")
    needs = requirements(profile.offers)
    if needs:
        names = " ".join(f"'{need}'" for need in needs)
        say(f"  to run it, first: pip install {names}", fg="yellow")


def _identify(profile: Any, plugins: Any, *, simulate: bool) -> dict[str, dict[str, str]]:
    """Identity of every device; each is opened, asked for its limits, and closed.

    Raises:
        InputError: a device cannot do what the profile needs.
        DeviceError: a device does not answer, or a pump is running.
    """
    from flowrig.rig.rig import open_rig

    with open_rig(profile, simulate=simulate, plugins=plugins) as rig:
        return {
            name: {"vendor": one.vendor, "model": one.model, "serial_number": one.serial_number}
            for name, one in rig.identities.items()
        }
