"""Where each measurement of a run comes from, as JSON in UTF-8."""

import json
from pathlib import Path

from flowrig.run_record.provenance import provenance_as_json
from flowrig.run_record.reader import RunRecord

__all__ = ["write"]


def write(record: RunRecord, path: Path) -> None:
    """Write one object a measurement."""
    text = json.dumps(provenance_as_json(record), ensure_ascii=False, indent=2)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")
