"""`flowrig label`: the label of the sample that an experiment left."""

from importlib.util import find_spec
from pathlib import Path

import click

from flowrig.cli.terminal.printing import print_damage, say
from flowrig.journal.sound_folder import sound_folder

__all__ = ["label"]


@click.command(short_help="Print the label of the sample of an experiment.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("number", type=int)
@click.option("--qr", is_flag=True, help="Show a QR code as well.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the QR code to this file: .svg, .png or .pdf.",
)
def label(folder: Path, number: int, *, qr: bool, out: Path | None) -> None:
    """Print the label of the sample that experiment NUMBER of the run in FOLDER left.

    The QR code holds the name of the folder and the number. It needs pip install 'flowrig[label]'.

    \b
    Examples:
      flowrig label flowrig-runs/first 63
      flowrig label flowrig-runs/first 63 --out 63.svg
    """
    from flowrig.errors import InputError, MissingDependencyError
    from flowrig.run_record.off_line.label import label_of
    from flowrig.run_record.reader import RunRecord

    if (qr or out is not None) and find_spec("segno") is None:
        raise MissingDependencyError(
            "a QR code needs segno; install it with: pip install 'flowrig[label]'"
        )
    if out is not None and out.suffix.lower() not in (".svg", ".png", ".pdf"):
        raise InputError(f"{out}: expected a file that ends in .svg, .png or .pdf")
    with sound_folder(folder), RunRecord(folder) as record:
        print_damage(record)
        found = label_of(record, number)
    for line in found.lines:
        say(line)
    if not (qr or out is not None):
        return
    import segno

    code = segno.make(found.code, error="m", micro=False)
    if qr:
        code.terminal(compact=True)
    if out is not None:
        code.save(str(out), scale=4)
        say(f"wrote {out}")
