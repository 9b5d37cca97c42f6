"""`flowrig export`: a run in the formats of other programs."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import click

from flowrig.cli.terminal.printing import print_damage, say
from flowrig.journal.sound_folder import sound_folder

__all__ = ["export"]

FORMATS = {
    "csv": ("", "experiments.csv"),
    "parquet": ("pyarrow", "experiments.parquet"),
    "nexus": ("h5py", "run.nxs"),
    "spectra": ("", "spectra.csv"),
    "series": ("", "series.csv"),
    "provenance": ("", "provenance.json"),
}
"""The package that each format needs, and the name of its file."""


@click.command(short_help="Write a run as CSV, Parquet or NeXus.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--format", "form", type=click.Choice(list(FORMATS)), required=True)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file; default: in the folder of the run.",
)
def export(folder: Path, form: str, out: Path | None) -> None:
    """Write the run in FOLDER in a format of other programs. The run may be under way.

    \b
    Formats:
      csv      one row for each experiment, units in the names of the columns
      parquet  the same with types, units in the metadata of the columns
      nexus    HDF5 with every raw frame and spectrum
      spectra  CSV: the averaged spectrum of every channel and experiment
      series   CSV: what has a value at each position of a scan
      provenance  JSON: devices, versions, profile and references of each

    Parquet needs pip install 'flowrig[parquet]', NeXus pip install 'flowrig[nexus]'.

    \b
    Examples:
      flowrig export flowrig-demo --format csv
      flowrig export flowrig-demo --format nexus --out demo.nxs
    """
    from flowrig.cli.atomic_file import atomic_file
    from flowrig.errors import MissingDependencyError
    from flowrig.run_record.reader import RunRecord

    package, name = FORMATS[form]
    if package and find_spec(package) is None:
        raise MissingDependencyError(
            f"{form} needs {package}; install it with: pip install 'flowrig[{form}]'"
        )
    path = out or folder / name
    writer = import_module(f"flowrig.report.exports.{form}")
    with sound_folder(folder), RunRecord(folder) as record, atomic_file(path) as part:
        print_damage(record)
        writer.write(record, part)
    say(f"wrote {path}")
