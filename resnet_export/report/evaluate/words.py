"""What `evaluate` found, in the words and digits that all forms of the result share."""

import math
from collections.abc import Iterator, Sequence

from resnet_export.bench.estimate import Estimate
from resnet_export.classify.measures import Check, ClassScore, EvaluateReport, Judged, Measured, Paired
from resnet_export.report import predict
from resnet_export.terminal import number

HEADING = ("class", "pictures", "precision", "recall", "F1", "average precision")
ACCURACY = {"classes": "top-1", "binary": "accuracy", "labels": "all labels right"}
MATCHED = {"name": "matched by name", "number": "matched by number", "order": "in an order that is assumed"}
STATUS = {"passed": "passed", "failed": "FAILED", "undecided": "can't be told"}
OPTIONS = {"min_top1": "--min-top1", "max_drop": "--max-drop"}


def title(report: EvaluateReport) -> str:
    """The files, and the pictures."""
    return (
        f"{' and '.join(map(predict.title, files(report)))} on {number(report.evaluated, 'picture')} of {report.data}"
    )


def files(report: EvaluateReport) -> list[Measured]:
    """The file, and the other one where there are two."""
    return [report.file] if report.against is None else [report.file, report.against]


def percent(share: float, places: int = 2) -> str:
    """`91.72 %`."""
    return f"{share * 100:.{places}f} %"


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
