"""`flowrig commission`: measures the ramp of a healthy heater."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from flowrig.cli.terminal.printing import print_paragraph, say
from flowrig.journal.visible import visible_line

if TYPE_CHECKING:
    from flowrig.profile import Commissioning, Profile

__all__ = ["commission"]


@click.command(short_help="Measure a heater, so that its faults are detected sooner.")
@click.argument("profile")
@click.option("--simulate", is_flag=True, help="Put emulated instruments behind the drivers.")
@click.option("--heater", help="The device; the rig's only heater by default.")
@click.option("--to", "to_c", type=float, metavar="DEGC", help="The ramp's set point [°C].")
@click.option("--yes", is_flag=True, help="Do not ask before a real rig is heated.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("thermal.toml"),
    show_default=True,
    help="The file to write; must not be there yet.",
)
def commission(
    profile: str, *, simulate: bool, heater: str | None, to_c: float | None, yes: bool, out: Path
) -> None:
    """Heat a heater of PROFILE from room temperature, and write the properties of its ramp.

    By default the ramp goes to the lowest set point of the search space. Nothing flows, and the rig
    ends in its safe state. A profile refers to the file with:

    \b
      [supervision]
      commissioning = "thermal.toml"

    \b
    Examples:
      flowrig commission cs3cu2i5-heatup-chem3 --simulate
      flowrig commission my-rig.toml --to 100 --out thermal.toml
    """
    from flowrig.errors import InputError
    from flowrig.plugins.registry import Plugins
    from flowrig.procedure import commissioning
    from flowrig.profile import load_profile
    from flowrig.rig.rig import open_rig

    if out.exists():
        raise InputError(f"{out} is there already; choose another file with --out")
    plugins = Plugins.discover()
    rig_profile = load_profile(profile, plugins)
    heater = heater or _only_heater(rig_profile)
    to_c = commissioning.first_set_point_c(rig_profile, heater) if to_c is None else to_c
    if not (simulate or yes):
        click.confirm(
            f"{visible_line(heater)} is going to be heated to {to_c:g} °C with nothing flowing. Is "
            "a person with the rig, and is it free of liquid that must not get hot?",
            abort=True,
        )
    with open_rig(rig_profile, simulate=simulate, plugins=plugins) as rig:
        measured = commissioning.commission(rig, heater, to_c)
    text = commissioning.commissioning_toml({heater: measured})
    try:
        with out.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror}") from error
    say(text.partition("\n\n")[2], nl=False)
    say(f"written to {out}", fg="green")
    _print_thresholds(rig_profile, heater, measured)


def _only_heater(profile: "Profile") -> str:
    from flowrig.errors import InputError

    heaters = [name for name, one in profile.devices.items() if one.offer.kind == "heater"]
    if len(heaters) != 1:
        raise InputError(f"name one with --heater: {', '.join(heaters) or 'there is none'}")
    return heaters[0]


def _print_thresholds(profile: "Profile", heater: str, measured: "Commissioning") -> None:
    """Print the thresholds of the supervision that follow from the measurement."""
    from attrs import evolve

    supervision = evolve(profile.supervision, commissioning={heater: measured})
    at = supervision.thresholds(
        heater, profile.limits.set_point_c(heater)[1], profile.steady.heating_c_min
    )
    print_paragraph(
        f"with it, {heater} counts as broken when it does not rise by {at.progress_c:.1f} °C in "
        f"{at.rise_s:.0f} s, is more than {at.runaway_c:.1f} °C above its set point, or reads the "
        f"same for {at.frozen_s:.0f} s while it heats"
        + (f" or for {at.still_s:.0f} s at its set point" if at.still_s else "")
    )
    print_paragraph(
        f"a broken sensor is detected after {at.detection_s:.0f} s at the latest, up to "
        f"{at.margin_c:.1f} °C above the set point"
    )
    if at.never_above_c is not None:
        print_paragraph(
            f"set points from {at.highest_set_point_c():.0f} °C on are refused, because "
            f"{at.never_above_c:g} °C must never be reached"
        )
