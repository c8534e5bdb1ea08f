"""Ids replaced by a hash, so that no report holds an address."""

import hashlib
from typing import Any

import narwhals as nw
import pyarrow as pa


def hash_texts(frame: "nw.LazyFrame[Any]", name: str) -> "nw.LazyFrame[Any]":
    """Replace a column's texts by their SHA-256.

    In lower case and without blanks at the ends, as advertising platforms hash addresses. Missing stays missing.
    """
    # Narwhals has no function for it
    native: Any = frame.with_columns(nw.col(name).cast(nw.String).str.to_lowercase()).to_native()
    if frame.implementation.is_pyarrow():
        hashed = [
            None if text is None else hashlib.sha256(text.encode()).hexdigest() for text in native[name].to_pylist()
        ]
        native = native.set_column(native.column_names.index(name), name, pa.array(hashed, pa.string()))
    elif frame.implementation.is_duckdb():
        native = native.project(f'* REPLACE (sha256("{name}") AS "{name}")')
    else:
        from pyspark.sql import functions as f  # noqa: PLC0415 - an extra

        native = native.withColumn(name, f.sha2(f.col(name), 256))
    result: nw.LazyFrame[Any] = nw.from_native(native).lazy()
    return result
