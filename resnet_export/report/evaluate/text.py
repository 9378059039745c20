"""What `evaluate` found, for a person at a terminal: plain text, 80 columns."""

from collections.abc import Iterator

from resnet_export.classify.measures import EvaluateReport, Measured
from resnet_export.report import facts, predict
from resnet_export.report.evaluate import words
from resnet_export.terminal import blocks, clipped, fact, more, printable, some, table, wrapped

MOST_CLASSES = 20
MOST_PICTURES = 10
MOST_CONFUSED = 5


def render(report: EvaluateReport) -> str:
    """The measures of the file, its classes, the other file beside it, and whether the limits are kept."""
    return blocks(
        wrapped(printable(words.title(report))),
        _measures(report.file),
        _classes(report.file),
        _against(report),
        _broken(report),
        facts.told(predict.explanations(report.file), words.notes(report)),
        (line for one in report.checks for line in wrapped(words.check(one))),
    )


def _measures(found: Measured) -> Iterator[str]:
    yield from facts.told(words.measures(found))
    confused = words.confused(found)
    if confused:
        yield from fact("confused most", *map(printable, confused[:MOST_CONFUSED]))


def _classes(found: Measured) -> Iterator[str]:
    """The table of the classes; of many, those that are recognised worst."""
    known = list(found.per_class)
    if len(known) > MOST_CLASSES:
        known = sorted((one for one in known if one.f1 is not None), key=lambda one: one.f1 or 0.0)[:MOST_CLASSES]
    rows = [words.cells(one) for one in known]
    yield from table(words.HEADING, [(clipped(name, facts.LONGEST), *rest) for name, *rest in rows])
    yield from more(len(found.per_class) - len(rows))


def _against(report: EvaluateReport) -> Iterator[str]:
    if report.paired is None or report.against is None:
        return
    yield from wrapped(printable(f"Against {predict.title(report.against)}"))
    yield from facts.told(words.measures(report.against))
    yield from facts.told(words.paired(report.paired))
    differing = [one for _, one in report.differing()]
    shown = [f"{one.picture}: {words.answers(one, report)}" for one in differing[:MOST_PICTURES]]
    yield from (line for one in shown for line in wrapped(printable(one), "    "))
    yield from more(len(differing) - len(shown))


def _broken(report: EvaluateReport) -> Iterator[str]:
    lines = words.broken(report)
    if lines:
        yield f"Not read, and not counted: {len(lines)} of {len(report.pictures)} pictures"
        yield from (line for one in some(lines, MOST_PICTURES) for line in wrapped(printable(one), "  "))
