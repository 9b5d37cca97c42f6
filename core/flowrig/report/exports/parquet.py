"""The experiments of a run as a Parquet file, with units beside the columns."""

import json
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from flowrig.report.exports.table import Column, experiment_columns
from flowrig.run_record.reader import RunRecord

__all__ = ["write"]


def write(record: RunRecord, path: Path) -> None:
    """Write one row an experiment; the unit of a column is in its field's metadata."""
    columns = experiment_columns(record)
    arrays = [pa.array(column.values) for column in columns]
    fields = [_field(column, array) for column, array in zip(columns, arrays, strict=True)]
    about = {"flowrig": json.dumps(record.start.data.as_json(), ensure_ascii=False)}
    parquet.write_table(pa.table(arrays, schema=pa.schema(fields, metadata=about)), path)


def _field(column: Column, array: pa.Array) -> pa.Field:
    return pa.field(column.name, array.type, metadata={"unit": column.unit})
