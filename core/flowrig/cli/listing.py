"""What there is: plugins, profiles, and what is wrong with one."""

import json
import sys
from typing import Any

import click
from attrs import asdict
from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["check", "plugins", "profiles"]

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")


@click.command()
@as_json
def plugins(as_json: bool) -> None:
    """List what installed plugins offer, and whether their needs are met."""
    from flowrig.plugins import Plugins

    found = Plugins.discover(strict=False)
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
    if as_json:
        click.echo(json.dumps({"plugins": rows, "broken": dict(found.broken)}, indent=2))
    else:
        table = Table("kind", "name", "distribution", "needs", "what it is", box=None)
        for row in rows:
            needs = "ready" if row["ready"] else f"pip install '{row['install']}'"
            distribution = f"{row['distribution']} {row['version']}"
            cells = (row["kind"], row["name"], distribution, needs, row["summary"])
            table.add_row(*map(Text, cells))
        Console().print(table)
        for message in found.broken.values():
            click.secho(message, fg="red", err=True)
    sys.exit(2 if found.broken else 0)


@click.command()
@as_json
def profiles(as_json: bool) -> None:
    """List the rig profiles and campaigns that can be named without a path."""
    from flowrig.plugins import Plugins
    from flowrig.profile import list_profiles

    listed = list_profiles(Plugins.discover(strict=False))
    if as_json:
        rows = [{key: str(value) for key, value in asdict(row).items()} for row in listed]
        click.echo(json.dumps(rows, indent=2))
        return
    table = Table("name", "what it is", "file", box=None)
    for row in listed:
        table.add_row(Text(row.name), Text(row.title), Text(str(row.file)))
    Console().print(table)


@click.command()
@click.argument("profile")
@click.option("--connect", is_flag=True, help="Open and identify every device; moves nothing.")
@as_json
def check(profile: str, connect: bool, as_json: bool) -> None:
    """Check a rig profile, by name or path: every problem with its file, line and column."""
    from flowrig.plugins import Plugins
    from flowrig.profile import check_profile, load_profile

    plugins = Plugins.discover()
    problems = check_profile(profile, plugins)
    if as_json:
        rows = [
            {
                "file": problem.place.file,
                "line": problem.place.line,
                "column": problem.place.column,
                "message": problem.message,
                "expected": problem.expected,
                "nearest": problem.nearest,
            }
            for problem in problems
        ]
        click.echo(json.dumps({"problems": rows}, indent=2))
    elif problems:
        for problem in problems:
            click.secho(str(problem), fg="red", err=True)
    else:
        _describe(load_profile(profile, plugins))
    if connect and not problems:
        _identify(profile, plugins)
    sys.exit(2 if problems else 0)


def _describe(profile: Any) -> None:
    """Say what was understood, so that a person can compare it with the rig."""
    from flowrig.topology import Topology

    topology = Topology(profile)
    space = profile.space
    middle = space.rows(((space.low + space.high) / 2)[None])[0]
    rates = profile.flow_rates_ul_min(middle)
    click.secho(f"{profile.name} is sound", fg="green", nl=False)
    click.echo(f": {profile.title}")
    click.echo(f"  {len(profile.devices)} devices, {len(profile.streams)} streams")
    click.echo(
        f"  in the middle of the search space: {sum(rates.values()):.0f} µL/min in all, "
        f"τ = {topology.residence_time_s(rates):.0f} s, steady after "
        f"{topology.equilibrium_time_s(rates):.0f} s"
    )
    for name, device in profile.devices.items():
        for sentence in device.settings.describe():
            click.echo(f"  {name}: {sentence}")
    click.echo("  safe state: " + ", then ".join(step.do for step in profile.safe_state))


def _identify(profile: str, plugins: Any) -> None:
    """Open every device, say who answers, and close it again."""
    from flowrig.rig import open_rig

    with open_rig(profile, plugins=plugins, prepare=False) as rig:
        for name, who in rig.identities.items():
            click.echo(f"  {name}: {who.vendor} {who.model} {who.serial_number}".rstrip())
