"""What a folder of scores holds: as text of 80 columns, and as a page."""

from collections.abc import Iterator

from resnet_export.report import facts
from resnet_export.report.kit import page, svg
from resnet_export.report.predict import probability
from resnet_export.score.results import Run, ScoreReport, Unsure
from resnet_export.terminal import blocks, clipped, more, number, printable, shortened, table, wrapped

CLASSES, CLASSES_LEFT = ("class", "pictures", "share", "label"), (3,)
ERRORS, ERRORS_LEFT = ("reason", "pictures", "such as"), (0, 2)
"""Headings of the tables, and which of their columns are aligned to the left."""
MOST_CLASSES = 10
BAR = 40
"""Columns of the longest bar of text."""
LONGEST = 50
"""Characters of an example that are shown in text."""
STYLE = """
svg .bar { stroke: var(--error); stroke-width: 10; }
"""
FRAME = svg.Frame(width=620)


def as_text(report: ScoreReport) -> str:
    """Counts per class, the confidence, the errors, and how it came about."""
    errors = [(reason, count, shortened(printable(example), LONGEST)) for reason, count, example in _errors(report)]
    return blocks(
        wrapped(printable(_title(report))),
        _frequent(report),
        _bars(report),
        table(ERRORS, errors, left=ERRORS_LEFT),
        facts.told(_explanations(report), _notes(report)),
    )


def as_page(report: ScoreReport) -> str:
    """An HTML document."""
    body = [page.facts(_explanations(report)), page.items(_notes(report))]
    if report.errors:
        body += ["<h2>Pictures without a label</h2>", *page.table("Errors", ERRORS, _errors(report), ERRORS_LEFT)]
    if report.classes:
        body += ["<h2>Confidence</h2>", _histogram(report)]
        body += ["<h2>Classes</h2>", *page.table("Classes", CLASSES, _classes(report), CLASSES_LEFT)]
        body += ["<h2>The least sure pictures</h2>", page.gallery(map(_picture, report.unsure))]
    pictures = any(one.thumbnail for one in report.unsure)
    return page.page(_title(report), body, style=page.GALLERY + STYLE, pictures=pictures)


def _title(report: ScoreReport) -> str:
    return f"{report.folder}: {report.rows:,} pictures, {report.rows - report.failed:,} with a label"


def _explanations(report: ScoreReport) -> Iterator[tuple[str, list[str]]]:
    """(name, values) of how the rows came about."""
    yield "model", [report.model, f"sha256 {report.sha256[:12]}...", report.runtime]
    yield "parts", [str(report.parts), "named in manifest.json"]
    if report.several_frames:
        yield "frames", [f"the first of several was taken of {number(report.several_frames, 'picture')}"]
    if report.run is not None:
        yield from _run(report.run)


def _run(run: Run) -> Iterator[tuple[str, list[str]]]:
    before = [f"{run.known:,} were there before"] if run.known else []
    if not run.pictures:
        yield "this run", ["nothing new", *before]
        return
    yield "this run", [f"{run.pictures:,} pictures in {run.seconds:.1f} s", f"{run.rate:.1f} a second", *before]
    how = [number(run.decoders, "decoder"), f"{number(run.callers, 'caller')} of {run.runtime}", f"batch {run.batch}"]
    yield "with", [*how, *([f"limited by {run.limit}"] if run.limit else [])]
    fast = run.fast
    if fast is None:
        return
    if not fast.pictures:
        yield "fast", ["no picture of the first is decoded otherwise"]
        return
    others = "the most probable classes are the same"
    if fast.other_top1:
        others = f"{fast.other_top1} of {fast.pictures} have another most probable class"
    pixels = f"{fast.mean:.2f} of 255 from the exact decoding in the mean, {fast.largest:.0f} at most"
    yield "fast", [f"on {number(fast.pictures, 'picture')} pixels are {pixels}", others]


def _notes(report: ScoreReport) -> tuple[str, ...]:
    return report.run.notes if report.run else ()


def _classes(report: ScoreReport) -> list[tuple[str, str, str, str]]:
    """Rows below `CLASSES`, the most frequent first."""
    labelled = report.rows - report.failed
    return [
        (str(one.index), f"{one.count:,}", f"{one.count / labelled:.1%}", one.label or "") for one in report.classes
    ]


def _errors(report: ScoreReport) -> list[tuple[str, str, str]]:
    """Rows below `ERRORS`, the most frequent first."""
    return [(one.reason, f"{one.count:,}", one.example) for one in report.errors]


def _bins(report: ScoreReport) -> list[tuple[str, int]]:
    """(0.95 to 1.00, pictures) for each step of the probability of the most probable class."""
    steps = len(report.histogram)
    return [(f"{at / steps:.2f} to {(at + 1) / steps:.2f}", count) for at, count in enumerate(report.histogram)]


def _frequent(report: ScoreReport) -> Iterator[str]:
    rows = _classes(report)
    shown = [(*cells, clipped(label, facts.LONGEST)) for *cells, label in rows[:MOST_CLASSES]]
    yield from table(CLASSES, shown, left=CLASSES_LEFT)
    yield from more(len(rows) - len(shown))


def _bars(report: ScoreReport) -> Iterator[str]:
    most = max(report.histogram, default=0)
    if most:
        yield "  probability of the most probable class"
    for name, count in _bins(report):
        if count:
            yield f"  {name}  {'#' * max(1, round(BAR * count / most))} {count:,}"


def _histogram(report: ScoreReport) -> str:
    bins = _bins(report)
    chart = svg.Chart(
        "Confidence",
        "Pictures by the probability of their most probable class",
        svg.Axis(0.0, 1.0, "probability of the most probable class", tuple((at / 5, f"{at / 5:g}") for at in range(6))),
        svg.linear([count for _, count in bins], "pictures"),
        FRAME,
    )
    for at, (name, count) in enumerate(bins):
        if count:
            chart.bar((at + 0.5) / len(bins), count, "bar", f"{name}: {count:,} pictures")
    return page.figure(chart.svg(), name="Confidence")


def _picture(one: Unsure) -> tuple[str | None, str, str]:
    label = f"{one.found.index} {one.found.label or ''}".strip()
    return one.thumbnail, f"{label}: {probability(one.found.probability)}", one.path
