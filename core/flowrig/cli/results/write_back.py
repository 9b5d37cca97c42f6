"""Writes the repeatability that studies of a run found into a profile."""

from collections.abc import Iterator, Mapping
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING

from flowrig.errors import InputError

if TYPE_CHECKING:
    from flowrig.run_record.reader import RunRecord

__all__ = ["write_repeatability"]


def write_repeatability(record: "RunRecord", file: Path) -> Iterator[str]:
    """Write the largest repeatability of each feature that a study of a run found.

    A file that is there is changed in `[analysis] repeatability` alone: comments and everything
    else stay, and the old text is kept beside it. A new file extends the profile of the run.

    Args:
        record: the run.
        file: the profile.

    Yields:
        the difference, line by line, and what was written where.

    Raises:
        InputError: no study found any, the run was simulated and the file is there, the file is no
            profile, or it cannot be written.
    """
    from flowrig.cli.atomic_file import atomic_file
    from flowrig.profile import load_profile_text

    found = _found(record)
    new = not file.exists()
    if record.simulated and not new:
        raise InputError(
            f"{record.folder} was simulated, and says nothing of a real rig; {file} stays as it "
            "is. Name a new file to have such a profile"
        )
    try:
        before = "" if new else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}") from error
    after = _new_text(record, found, file) if new else _edited(before, found, file)
    load_profile_text(after, str(file), record.plugins)
    if not new:
        kept = _free(file)
        with atomic_file(kept) as part:
            part.write_text(before, encoding="utf-8", newline="")
        yield from unified_diff(
            before.splitlines(), after.splitlines(), kept.name, file.name, lineterm=""
        )
    with atomic_file(file) as part:
        part.write_text(after, encoding="utf-8", newline="")
    yield f"wrote {file}" if new else f"wrote {file}; before: {kept}"


def _found(record: "RunRecord") -> dict[str, str]:
    """By feature, the largest repeatability as a profile has it."""
    from flowrig.run_record.studies import findings_of

    found: dict[str, float] = {}
    for study in findings_of(record):
        for name, rsd in study.findings.repeatability.items():
            found[name] = max(rsd, found.get(name, 0.0))
    if not found:
        raise InputError(f"no study of {record.folder} found a repeatability")
    return {name: f"{100.0 * rsd:.2g} %" for name, rsd in found.items()}


def _new_text(record: "RunRecord", found: Mapping[str, str], file: Path) -> str:
    import tomlkit

    from flowrig.profile import list_profiles

    name = record.start.data.profile
    if name not in {one.name for one in list_profiles(record.plugins)}:
        name = f"{name}.toml"  # a file of a person, in the same folder
        if not file.with_name(name).is_file():
            raise InputError(
                f"{file} would extend {name}, which is not in its folder; put it there, or name "
                "the profile itself"
            )
    origin = "emulated rig" if record.simulated else "rig"
    text = tomlkit.document()
    text.add(tomlkit.comment(f"Repeatability as a run on the {origin} has found it."))
    text.add("extends", name)
    analysis = tomlkit.table()
    analysis.add("repeatability", _inline(found))
    text.add("analysis", analysis)
    return tomlkit.dumps(text)


def _edited(text: str, found: Mapping[str, str], file: Path) -> str:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        content = tomlkit.parse(text)
    except TOMLKitError as error:
        raise InputError(f"{file}: {error}") from error
    analysis = content.setdefault("analysis", tomlkit.table())
    if not isinstance(analysis, dict):
        raise InputError(f"{file}: `analysis` is no table")
    known = analysis.get("repeatability")
    if isinstance(known, dict):
        for name, share in found.items():
            known[name] = share
    else:
        analysis["repeatability"] = _inline(found)
    return tomlkit.dumps(content)


def _inline(found: Mapping[str, str]) -> "object":
    import tomlkit

    table = tomlkit.inline_table()
    for name, share in found.items():
        table.add(name, share)
    return table


def _free(file: Path) -> Path:
    """A name for the old text that no file has yet."""
    kept, number = file.with_name(f"{file.name}.bak"), 1
    while kept.exists():
        number += 1
        kept = file.with_name(f"{file.name}.bak{number}")
    return kept
