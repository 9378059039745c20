"""What `evaluate` found as a table for other programs: CSV, and Markdown as GitHub shows it."""

from collections.abc import Iterator
from typing import Any

from resnet_export.classify.measures import EvaluateReport
from resnet_export.report import predict
from resnet_export.report.evaluate import words
from resnet_export.report.kit import tables


def as_csv(report: EvaluateReport) -> str:
    """A row for each picture: what it is, what it was taken for, and why it could not be read."""
    return tables.as_csv(_rows(report))


def as_markdown(report: EvaluateReport) -> str:
    """The measures, and a row for each class."""
    files = words.files(report)
    measures = [dict(words.measures(file)) for file in files]
    rows = [(name, *(one.get(name, "") for one in measures)) for name in measures[0]]
    pair = [f"{name}: {', '.join(values)}." for name, values in words.paired(report.paired)] if report.paired else []
    lines = [f"{words.title(report)}.", *pair, *(f"{words.check(one)}." for one in report.checks)]
    left_out = [f"Not read, and not counted: {line}" for line in words.broken(report)]
    return "\n\n".join([
        tables.as_markdown(("", *map(predict.title, files)), rows),
        tables.as_markdown(*words.classes(report.file)),
        *map(tables.markdown_cell, [*lines, *left_out, *words.notes(report)]),
    ])  # fmt: skip


def _rows(report: EvaluateReport) -> Iterator[dict[str, Any]]:
    prefixes = ("", "against_")[: len(words.files(report))]
    for one in report.pictures:
        row: dict[str, Any] = {"picture": one.picture, "truth": words.named(one.truth, report.file)}
        answers = one.answers or (None,) * len(prefixes)
        for prefix, answer in zip(prefixes, answers, strict=True):
            row[f"{prefix}answer"] = None if answer is None else words.named(answer.classes, report.file)
            row |= tables.columns(answer, "right", "probability", "truth_probability", prefix=prefix)
        yield {**row, "error": one.error}
