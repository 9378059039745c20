"""Rows as the bytes of a part and back: Parquet, CSV, or a JSON object a line.

Parquet and JSON have the classes of a picture as lists; CSV has `class_1`, `label_1`, `probability_1`, `class_2`, ...
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from resnet_export.optional import require
from resnet_export.score.results import Row, Settings

PLAIN = ("path", "width", "height", "frames", "error", "detail", "bytes", "modified_ns")
"""Columns whose values are no lists."""
LISTS = {"classes": "class", "labels": "label", "probabilities": "probability"}
"""Column -> what CSV calls one of its values."""

NUMBERS = ("logits", "embedding")
"""Columns that are only there if they were asked for, lists too."""


def as_dict(row: Row) -> dict[str, Any]:
    """A row by its columns."""
    return {
        **{name: getattr(row, name) for name in PLAIN},
        "classes": [found.index for found in row.top],
        "labels": [found.label for found in row.top],
        "probabilities": [found.probability for found in row.top],
        "logits": row.logits,
        "embedding": row.embedding,
    }


def encode(rows: Iterable[Mapping[str, Any]], settings: Settings) -> bytes:
    """The bytes of a part whose rows are given by their columns."""
    if settings.format == "jsonl":
        names = [field.name for field in _schema(settings)]
        return "".join(f"{json.dumps({name: row[name] for name in names})}\n" for row in rows).encode()
    file = io.BytesIO()
    if settings.format == "csv":
        flat = [_flat(row, settings.top) for row in rows]
        table = require("pyarrow").Table.from_pylist(flat, _flat_schema(settings))
        require("pyarrow.csv").write_csv(table, file)
    else:
        table = require("pyarrow").Table.from_pylist(list(rows), _schema(settings))
        require("pyarrow.parquet").write_table(table, file)
    return file.getvalue()


def read(content: bytes, settings: Settings, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Some columns of the rows of a part; of CSV, all of them.

    Arrow reads in this thread: one of its own that holds a Python object while Python ends aborts the process.
    """
    match settings.format:
        case "jsonl":
            yield from map(json.loads, content.splitlines())
        case "csv":
            options = require("pyarrow.csv").ConvertOptions(
                column_types=_flat_schema(settings), strings_can_be_null=True, quoted_strings_can_be_null=False
            )
            table = require("pyarrow.csv").read_csv(
                io.BytesIO(content),
                read_options=require("pyarrow.csv").ReadOptions(use_threads=False),
                parse_options=require("pyarrow.csv").ParseOptions(newlines_in_values=True),
                convert_options=options,
            )
            yield from map(_nested, table.to_pylist())
        case "parquet":
            names = [name for name in columns if name in _schema(settings).names]
            parquet = require("pyarrow.parquet")
            with parquet.ParquetFile(io.BytesIO(content), pre_buffer=False) as file:
                yield from file.read(names, use_threads=False).to_pylist()


def _schema(settings: Settings) -> Any:
    arrow = require("pyarrow")
    kinds = {
        **_plain_types(),
        "classes": arrow.list_(arrow.int32()),
        "labels": arrow.list_(arrow.string()),
        "probabilities": arrow.list_(arrow.float64()),
        **{name: arrow.list_(arrow.float32()) for name in NUMBERS if getattr(settings, name)},
    }
    return arrow.schema(list(kinds.items()))


def _flat_schema(settings: Settings) -> Any:
    arrow = require("pyarrow")
    kinds = {"class": arrow.int32(), "label": arrow.string(), "probability": arrow.float64()}
    ranks = {f"{name}_{rank + 1}": kind for rank in range(settings.top) for name, kind in kinds.items()}
    return arrow.schema(list((_plain_types() | ranks).items()))


def _plain_types() -> dict[str, Any]:
    arrow = require("pyarrow")
    texts, small = dict.fromkeys(("path", "error", "detail"), arrow.string()), arrow.int32()
    sizes = {"width": small, "height": small, "frames": small, "bytes": arrow.int64(), "modified_ns": arrow.int64()}
    return {name: (texts | sizes)[name] for name in PLAIN}


def _flat(row: Mapping[str, Any], top: int) -> dict[str, Any]:
    flat = {name: row[name] for name in PLAIN}
    for column, name in LISTS.items():
        values = [*row[column], *[None] * top]
        flat |= {f"{name}_{rank + 1}": values[rank] for rank in range(top)}
    return flat


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    ranks = sum(name.startswith("class_") for name in flat)
    found = [rank for rank in range(1, ranks + 1) if flat[f"class_{rank}"] is not None]
    lists = {column: [flat[f"{name}_{rank}"] for rank in found] for column, name in LISTS.items()}
    return {name: flat[name] for name in PLAIN} | lists
