"""What `evaluate` found: as text of 80 columns, as tables for other programs, and in the words of all its forms."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from resnet_export.bench.estimate import Estimate
from resnet_export.classify.measures import Check, ClassScore, EvaluateReport, Judged, Measured, Paired
from resnet_export.report import facts, predict
from resnet_export.report.kit import tables
from resnet_export.terminal import blocks, clipped, fact, more, number, printable, some, table, wrapped

HEADING = ("class", "pictures", "precision", "recall", "F1", "average precision")
ACCURACY = {"classes": "top-1", "binary": "accuracy", "labels": "all labels right"}
MATCHED = {"name": "matched by name", "number": "matched by number", "order": "in an order that is assumed"}
STATUS = {"passed": "passed", "failed": "FAILED", "undecided": "can't be told"}
OPTIONS = {"min_top1": "--min-top1", "max_drop": "--max-drop"}
MOST_CLASSES = 20
MOST_PICTURES = 10
MOST_CONFUSED = 5


def as_text(report: EvaluateReport) -> str:
    """The measures of the file, its classes, the other file beside it, and whether the limits are kept."""
    return blocks(
        wrapped(printable(title(report))),
        _measured(report.file),
        _worst_classes(report.file),
        _against(report),
        _broken(report),
        facts.told(predict.explanations(report.file), notes(report)),
        (line for one in report.checks for line in wrapped(check(one))),
    )


def as_csv(report: EvaluateReport) -> str:
    """A row for each picture: what it is, what it was taken for, and why it could not be read."""
    return tables.as_csv(_rows(report))


def as_markdown(report: EvaluateReport) -> str:
    """The measures, and a row for each class."""
    measured = [dict(measures(file)) for file in files(report)]
    rows = [(name, *(one.get(name, "") for one in measured)) for name in measured[0]]
    pair = [f"{name}: {', '.join(values)}." for name, values in paired(report.paired)] if report.paired else []
    lines = [f"{title(report)}.", *pair, *(f"{check(one)}." for one in report.checks)]
    left_out = [f"Not read, and not counted: {line}" for line in broken(report)]
    return "\n\n".join([
        tables.as_markdown(("", *map(predict.title, files(report))), rows),
        tables.as_markdown(*classes(report.file)),
        *map(tables.markdown_cell, [*lines, *left_out, *notes(report)]),
    ])  # fmt: skip


def title(report: EvaluateReport) -> str:
    """The files, and the pictures."""
    ran = " and ".join(map(predict.title, files(report)))
    return f"{ran} on {number(report.evaluated, 'picture')} of {report.data}"


def files(report: EvaluateReport) -> list[Measured]:
    """The file, and the other one where there are two."""
    return [report.file] if report.against is None else [report.file, report.against]


def percent(share: float) -> str:
    """`91.72 %`."""
    return f"{share * 100:.2f} %"


def share(found: Estimate) -> str:
    """`91.72 % [91.16 92.24]`: with its 95 % interval."""
    low, high = found.interval or (math.nan, math.nan)
    return f"{percent(found.value)} [{low * 100:.2f} {high * 100:.2f}]"


def points(found: Estimate) -> str:
    """`+0.22 points [-0.06 +0.50]`."""
    low, high = found.interval or (math.nan, math.nan)
    return f"{found.value * 100:+.2f} points [{low * 100:+.2f} {high * 100:+.2f}]"


def measures(found: Measured) -> Iterator[tuple[str, str]]:
    """(name, value) of what is said of all classes together."""
    yield ACCURACY[found.kind], share(found.accuracy)
    if found.top5 is not None:
        yield "top-5", share(found.top5)
    yield "mean recall", percent(found.balanced_accuracy)
    yield "mean F1", f"{found.macro_f1:.4f}"
    for name, value in (
        ("F1 of all labels", found.micro_f1),
        ("area below ROC", found.roc_auc),
        ("average precision", found.average_precision),
    ):
        if value is not None:
            yield name, f"{value:.4f}"
    yield "calibration", f"expected error {found.calibration.error:.4f}"
    yield "classes", f"{len(found.labels)}, {MATCHED[found.matched]}"


def cells(score: ClassScore) -> tuple[str, ...]:
    """A class as a row below `HEADING`."""
    shares = [None if found is None else found.value for found in (score.precision, score.recall)]
    return (score.label, str(score.support), *map(_digits, (*shares, score.f1, score.average_precision)))


def classes(found: Measured) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Heading and rows of the table of the classes; the last column is left out where no class has such a number."""
    rows = [cells(score) for score in found.per_class]
    kept = len(HEADING) if any(row[-1] for row in rows) else len(HEADING) - 1
    return HEADING[:kept], [row[:kept] for row in rows]


def confused(found: Measured) -> list[str]:
    """Which class is taken for which other one, the most frequent first: `shirt for coat (87)`."""
    matrix = found.confusion or ()
    pairs = [(count, row, at) for row, counts in enumerate(matrix) for at, count in enumerate(counts) if row != at]
    frequent = sorted((pair for pair in pairs if pair[0]), key=lambda pair: (-pair[0], pair[1:]))
    return [f"{found.labels[row]} for {found.labels[at]} ({count})" for count, row, at in frequent]


def paired(found: Paired) -> Iterator[tuple[str, list[str]]]:
    """(name, values) of two files."""
    yield "difference", [points(found.difference), f"p {found.p_value:.2g} by McNemar's exact test"]
    yield (
        "answers differ",
        [
            f"on {number(found.differ, 'picture')}",
            f"the first alone is right on {found.only_file}",
            f"the second alone on {found.only_other}",
        ],
    )
    yield "needed", [f"{found.needs_pictures:,} pictures", "to find a difference of 0.1 points in 4 cases of 5"]


def check(one: Check) -> str:
    """`--min-top1 91.50 %: passed, it is 91.72 % [91.16 92.24]`, and how many pictures may tell."""
    return f"{outcome(one)}{f'; {one.needs_pictures:,} pictures may tell' if one.needs_pictures else ''}"


def outcome(one: Check) -> str:
    """The same without that number."""
    what = f"it is {share(one.found)}" if one.name == "min_top1" else f"the drop is {points(one.found)}"
    return f"{OPTIONS[one.name]} {percent(one.limit)}: {STATUS[one.status]}, {what}"


def named(classes: Sequence[int], found: Measured) -> str:
    """The names of the classes of an answer; a dash where there are none."""
    return ", ".join(found.labels[at] for at in classes) or "-"


def answers(one: Judged, report: EvaluateReport) -> str:
    """`shirt, taken for coat (0.98)`, and by whom where there are two files."""
    given = [
        f"{named(answer.classes, report.file)}{'' if answer.probability is None else f' ({answer.probability:.2f})'}"
        for answer in one.answers
    ]
    return f"{named(one.truth, report.file)}, taken for {' and for '.join(given)}"


def broken(report: EvaluateReport) -> list[str]:
    """Why pictures could not be read, a line each."""
    errors = [(one.picture, one.error) for one in report.pictures if one.error is not None]
    return [error if error.startswith(picture) else f"{picture}: {error}" for picture, error in errors]


def notes(report: EvaluateReport) -> list[str]:
    """All of them, each once."""
    return list(dict.fromkeys([*report.notes, *(note for file in files(report) for note in file.notes)]))


def _digits(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _measured(found: Measured) -> Iterator[str]:
    yield from facts.told(measures(found))
    most = confused(found)[:MOST_CONFUSED]
    if most:
        yield from fact("confused most", *map(printable, most))


def _worst_classes(found: Measured) -> Iterator[str]:
    """The table of the classes; of many, those that are recognised worst."""
    known = list(found.per_class)
    if len(known) > MOST_CLASSES:
        known = sorted((one for one in known if one.f1 is not None), key=lambda one: one.f1 or 0.0)[:MOST_CLASSES]
    rows = [cells(one) for one in known]
    yield from table(HEADING, [(clipped(name, facts.LONGEST), *rest) for name, *rest in rows])
    yield from more(len(found.per_class) - len(rows))


def _against(report: EvaluateReport) -> Iterator[str]:
    if report.paired is None or report.against is None:
        return
    yield from wrapped(printable(f"Against {predict.title(report.against)}"))
    yield from facts.told(measures(report.against))
    yield from facts.told(paired(report.paired))
    differing = [one for _, one in report.differing()]
    shown = [f"{one.picture}: {answers(one, report)}" for one in differing[:MOST_PICTURES]]
    yield from (line for one in shown for line in wrapped(printable(one), "    "))
    yield from more(len(differing) - len(shown))


def _broken(report: EvaluateReport) -> Iterator[str]:
    lines = broken(report)
    if lines:
        yield f"Not read, and not counted: {len(lines)} of {len(report.pictures)} pictures"
        yield from (line for one in some(lines, MOST_PICTURES) for line in wrapped(printable(one), "  "))


def _rows(report: EvaluateReport) -> Iterator[dict[str, Any]]:
    prefixes = ("", "against_")[: len(files(report))]
    for one in report.pictures:
        row: dict[str, Any] = {"picture": one.picture, "truth": named(one.truth, report.file)}
        for prefix, answer in zip(prefixes, one.answers or (None,) * len(prefixes), strict=True):
            row[f"{prefix}answer"] = None if answer is None else named(answer.classes, report.file)
            row |= tables.columns(answer, "right", "probability", "truth_probability", prefix=prefix)
        yield {**row, "error": one.error}
