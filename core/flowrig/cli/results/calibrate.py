"""`flowrig calibrate`: the dye and the proxy of the quantum yield, from the journal of a run."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from flowrig.cli.results.write_back import refuse_simulated, write_dye
from flowrig.cli.terminal.printing import print_damage, print_json, print_paragraph, say
from flowrig.errors import InputError
from flowrig.journal.sound_folder import sound_folder

__all__ = ["calibrate"]

FIGURE_NAME = "calibration.html"

folder_argument = click.argument(
    "folder", type=click.Path(exists=True, file_okay=False, path_type=Path)
)
only_option = click.option(
    "--experiment", "only", type=int, multiple=True, help="Only this one; may be repeated."
)
json_option = click.option("--json", "as_json", is_flag=True, help="As JSON, for other programs.")
write_option = click.option(
    "--write",
    "profile",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="PROFILE.toml",
    help="Write the numbers into this profile, for the next runs: one of yours, whose other lines "
    "stay as they are, or a new one that extends that of the run.",
)


@click.group(short_help="Calibrate the proxy of the quantum yield from a run.")
def calibrate() -> None:
    """Calibrate the in-situ proxy of the quantum yield from the journal of a run.

    A run keeps the numbers that it began with; --write puts new ones into a profile for the next
    runs.
    """


@calibrate.command("dye", short_help="The three numbers of the reference dye.")
@folder_argument
@click.option(
    "--plqy", metavar="VALUE", help="Its quantum yield, such as 13.4%; default: as in the profile."
)
@only_option
@json_option
@write_option
def dye(
    folder: Path, *, plqy: str | None, only: tuple[int, ...], as_json: bool, profile: Path | None
) -> None:
    """Absorbance and emission area of a dye of known quantum yield that flowed in experiments of
    the run in FOLDER: those of its study `dye`, or all that are good.

    \b
    Examples:
      flowrig run my-rig.toml --study dye
      flowrig calibrate dye flowrig-runs/dye --plqy 13.36%
      flowrig calibrate dye flowrig-runs/dye --plqy 13.36% --experiment 3 --write my-rig.toml
    """
    from flowrig.profile.model.off_line import value_in
    from flowrig.profile.quantity import QuantityError
    from flowrig.run_record.off_line.calibration import calibrate_dye
    from flowrig.run_record.reader import RunRecord

    try:
        dye_plqy = None if plqy is None else value_in(plqy, "%") / 100.0
    except QuantityError as error:
        raise InputError(f"--plqy: {error}, as --plqy 13.4%") from error
    with sound_folder(folder), RunRecord(folder) as record:
        print_damage(record)
        refuse_simulated(record, profile)
        found = calibrate_dye(record, dye_plqy, only)
    numbers = {
        "dye_plqy": found.plqy,
        "dye_absorbance": found.absorbance.value,
        "dye_pl_area": found.area.value,
    }
    if as_json:
        print_json(
            {
                **numbers,
                "dye_absorbance_sd": _or_none(found.absorbance.sd),
                "dye_pl_area_sd": _or_none(found.area.sd),
                "experiments": list(found.experiments),
                "relative_standard_error": _or_none(found.relative_error),
            }
        )
    else:
        _say_dye(found)
    _write(profile, numbers, folder, found.experiments, err=as_json)


def _say_dye(found: Any) -> None:
    a, area = found.absorbance, found.area
    say(f"dye_plqy = {found.plqy:.5g}")
    say(f"{a.count} experiments: {', '.join(map(str, found.experiments))}")
    say(f"dye_absorbance = {a.value:.5g}{_sd_words(a.sd)}")
    say(f"dye_pl_area = {area.value:.6g} counts nm{_sd_words(area.sd)}")
    if a.count > 1:
        share = found.relative_error
        say(f"from them, every proxy has a relative standard error of {share:.2%}")
    else:
        say("one measurement has no standard deviation; measure the dye three times")


@calibrate.command("proxy", short_help="The proxy against quantum yields from off the line.")
@folder_argument
@click.option("--against", default="", metavar="NAME", help="The off-line yield; default: plqy.")
@only_option
@json_option
@write_option
def proxy(
    folder: Path, *, against: str, only: tuple[int, ...], as_json: bool, profile: Path | None
) -> None:
    """The proxy of the run in FOLDER against the quantum yields that were entered for its
    experiments: slope, intercept and R² with standard errors, and a figure.

    With --write the quantum yield of the dye is divided by the slope, so that the proxy of the next
    runs rises as the yield does. An intercept stays: it is no matter of scale.

    \b
    Examples:
      flowrig calibrate proxy flowrig-runs/first
      flowrig calibrate proxy flowrig-runs/first --against sphere.plqy --write my-rig.toml
    """
    from flowrig.cli.atomic_file import atomic_file
    from flowrig.report.calibration import proxy_words, render_proxy
    from flowrig.run_record.off_line.calibration import calibrate_proxy, proxy_of
    from flowrig.run_record.reader import RunRecord

    with sound_folder(folder), RunRecord(folder) as record:
        print_damage(record)
        refuse_simulated(record, profile)
        found = calibrate_proxy(record, against, only)
        title = record.campaign.title or record.profile.title
        used = proxy_of(record.profile.objective)
    assert used is not None
    with atomic_file(folder / FIGURE_NAME) as part:
        part.write_text(render_proxy(found, title), encoding="utf-8")
    if as_json:
        names = ("slope", "intercept")
        numbers: dict[str, Any] = {name: getattr(found, name) for name in names}
        numbers |= {f"{name}_sd": getattr(found, f"{name}_sd") for name in names}
        numbers |= {"r2": found.r2, "residual_sd": found.residual_sd}
        print_json({**numbers, "against": found.quantity, "experiments": list(found.experiments)})
    else:
        for sentence in proxy_words(found):
            print_paragraph(sentence)
        say(f"wrote {folder / FIGURE_NAME}")
    if profile is not None and not found.rises:
        raise InputError("a proxy that does not rise with the yield calibrates nothing")
    _write(
        profile, {"dye_plqy": used.dye_plqy / found.slope}, folder, found.experiments, err=as_json
    )


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _sd_words(sd: float) -> str:
    return f", standard deviation {sd:.2g}" if math.isfinite(sd) else ""


def _write(
    profile: Path | None,
    numbers: Mapping[str, float],
    folder: Path,
    used: tuple[int, ...],
    *,
    err: bool,
) -> None:
    """Put the numbers of the dye into a profile; nothing without one.

    Args:
        profile: the file.
        numbers: by key of `[objective]`.
        folder: of the run.
        used: numbers of the experiments that they come from.
        err: say what is written on the error channel.
    """
    if profile is None:
        return
    from flowrig.run_record.reader import RunRecord

    listed = ", ".join(map(str, used))
    origin = f"calibrated from {folder.resolve().name}, experiments {listed}"
    with sound_folder(folder), RunRecord(folder) as record:
        for line in write_dye(record, profile, numbers, origin):
            say(line, err=err)
