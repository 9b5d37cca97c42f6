"""Writes what a run found into a profile: repeatability, and the numbers of a dye."""

from collections.abc import Callable, Iterator, Mapping
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowrig.errors import InputError

if TYPE_CHECKING:
    from flowrig.run_record.reader import RunRecord

__all__ = ["refuse_simulated", "write_dye", "write_repeatability"]


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
    found = _found(record)
    yield from _write(record, file, "Repeatability", lambda text: _put_repeatability(text, found))


def write_dye(
    record: "RunRecord", file: Path, numbers: Mapping[str, float], origin: str
) -> Iterator[str]:
    """Write numbers of the dye into `[objective]` of a profile, as `write_repeatability` does.

    Args:
        record: the run.
        file: the profile.
        numbers: by key of `[objective]`.
        origin: where they come from, as a comment.

    Yields:
        the difference, line by line, and what was written where.

    Raises:
        InputError: as `write_repeatability`, or its objective takes no such numbers.
    """
    from flowrig.profile import ProfileError, load_profile

    if file.exists():
        load_profile(file, record.plugins)  # a profile that is wrong already is told as it is
    try:
        yield from _write(record, file, "Calibration", lambda text: _put_dye(text, numbers, origin))
    except ProfileError as error:
        there = "is as it was" if file.exists() else "is not written"
        raise InputError(
            f"{file} takes no such numbers, and {there}: {error.problems[0].message}; its "
            "[objective] has to be plqy-proxy"
        ) from error


def refuse_simulated(record: "RunRecord", file: Path | None) -> None:
    """Raise InputError where numbers of a simulated run would go into a file that is there."""
    if file is not None and record.simulated and file.exists():
        raise InputError(
            f"{record.folder} was simulated, and says nothing of a real rig; {file} stays as it "
            "is. Name a new file to have such a profile"
        )


def _write(record: "RunRecord", file: Path, what: str, put: Callable[[Any], None]) -> Iterator[str]:
    """Change a profile, or make one; `put` changes its document."""
    from flowrig.cli.atomic_file import atomic_file
    from flowrig.profile import load_profile_text

    refuse_simulated(record, file)
    new = not file.exists()
    try:
        before = "" if new else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}") from error
    after = _new_text(record, what, put, file) if new else _edited(before, put, file)
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


def _new_text(record: "RunRecord", what: str, put: Callable[[Any], None], file: Path) -> str:
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
    text.add(tomlkit.comment(f"{what} as a run on the {origin} has found it."))
    text.add("extends", name)
    put(text)
    return tomlkit.dumps(text)


def _edited(text: str, put: Callable[[Any], None], file: Path) -> str:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        content = tomlkit.parse(text)
    except TOMLKitError as error:
        raise InputError(f"{file}: {error}") from error
    try:
        put(content)
    except InputError as error:
        raise InputError(f"{file}: {error}") from error
    return tomlkit.dumps(content)


def _table_of(content: Any, key: str) -> Any:
    import tomlkit

    table = content.setdefault(key, tomlkit.table())
    if not isinstance(table, dict):
        raise InputError(f"`{key}` is no table")
    return table


def _put_dye(content: Any, numbers: Mapping[str, float], origin: str) -> None:
    import tomlkit

    objective = _table_of(content, "objective")
    for key, value in numbers.items():
        item = tomlkit.item(float(f"{value:.6g}"))
        item.comment(origin)
        objective[key] = item


def _put_repeatability(content: Any, found: Mapping[str, str]) -> None:
    analysis = _table_of(content, "analysis")
    known = analysis.get("repeatability")
    if isinstance(known, dict):
        for name, share in found.items():
            known[name] = share
    else:
        analysis["repeatability"] = _inline(found)


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
