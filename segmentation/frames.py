"""Frames of users, in any library, and the check of their columns."""

from typing import Any, TypeAlias

import narwhals as nw

from segmentation.errors import SchemaError
from segmentation.schema import Schema

Frame = nw.DataFrame[Any]  # any frame that Narwhals supports, in memory
Users: TypeAlias = nw.DataFrame[Any] | nw.LazyFrame[Any]  # the same, or lazy in an engine


def check_columns(frame: Users, schema: Schema) -> None:
    """Require all needed columns, with the right types.

    Unknown columns are allowed and ignored.
    """
    found = frame.collect_schema()
    missing = [column.name for column in schema.shown if column.required and column.name not in found]
    if missing:
        raise SchemaError(
            f"Missing column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; found {', '.join(found)}. "
            "Add what is missing to the export, or give its name there as `source` in the columns file."
        )
    for name in schema.numbers:
        if not found[name].is_numeric():
            raise SchemaError(
                f"Column {name!r} holds {found[name]}, expected numbers ({schema[name].unit or schema[name].label}). "
                "Correct the export and run `make report` again."
            )
