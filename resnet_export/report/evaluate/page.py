"""What `evaluate` found as a page: confusion matrix, reliability curve, and the worst mistakes with their pictures."""

from collections.abc import Iterable, Iterator
from itertools import islice

from resnet_export.classify.measures import Calibration, EvaluateReport, Judged, Measured
from resnet_export.report import evaluate, predict
from resnet_export.report.kit import page
from resnet_export.report.kit.page import text
from resnet_export.report.kit.svg import Axis, Chart, Frame

MOST_CLASSES = 40
"""Rows of a confusion matrix that can be taken in; of more classes, the most frequent confusions are listed."""
MOST_CONFUSED = 40
MOST_PICTURES = 24
SIDES = tuple((share, f"{share:.0%}") for share in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0))
FRAME = Frame(width=300, height=300)
STYLE = """
.matrix td, .matrix th { padding: .15rem .4rem; text-align: center; }
.matrix th[scope=row] { text-align: right; font-weight: 400; } .matrix td.none { color: var(--faint); }
.matrix td.own { background: color-mix(in srgb, var(--good) calc(var(--share) * .5%), var(--back)); }
.matrix td.other { background: color-mix(in srgb, var(--wrong) calc(var(--share) * .5%), var(--back)); }
polyline.even { stroke: var(--faint); stroke-dasharray: 3 3; } polyline.right { stroke: var(--error); }
.mark.right { fill: var(--error); } .interval.right { stroke: var(--error); }
svg { max-width: 100%; height: auto; }
"""


def render(report: EvaluateReport) -> str:
    """An HTML document."""
    broken = evaluate.broken(report)
    body = [
        page.items([evaluate.check(one) for one in report.checks]),
        *_measures(report),
        "<h2>Classes</h2>",
        *page.table("Classes", *evaluate.classes(report.file)),
        *_confusion(report.file),
        *_reliability(report.file.calibration),
        *_pictures("The worst mistakes", report.mistakes(), report),
        *_pictures("Where the files differ", report.differing(), report),
        *(["<h2>Not read, and not counted</h2>", page.items(broken)] if broken else []),
        "<h2>How the answers came about</h2>",
        page.facts(predict.explanations(report.file)),
        page.items(evaluate.notes(report)),
    ]
    passed, pictures = report.passed if report.checks else None, any(one.thumbnail for one in report.pictures)
    return page.page(evaluate.title(report), body, passed=passed, style=page.GALLERY + STYLE, pictures=pictures)


def _measures(report: EvaluateReport) -> Iterator[str]:
    for file in evaluate.files(report):
        yield f"<h2>{text(predict.title(file))}</h2>"
        yield page.facts(evaluate.measures(file))
    if report.paired is not None:
        yield "<h2>Both on the same pictures</h2>"
        yield page.facts(evaluate.paired(report.paired))


def _confusion(found: Measured) -> Iterator[str]:
    """The matrix, or the most frequent confusions where it is too large."""
    if found.confusion is None:
        return
    if len(found.labels) > MOST_CLASSES:
        yield f"<h2>Confused most</h2>{page.items(evaluate.confused(found)[:MOST_CONFUSED])}"
        return
    yield "<h2>Confusion matrix</h2>"
    yield '<p class="note">Rows: what the pictures are. Columns: what they were taken for.</p>'
    head = "".join(f'<th scope="col">{text(label)}</th>' for label in found.labels)
    yield '<div class="scroll" tabindex="0" role="region" aria-label="Confusion matrix"><table class="matrix">'
    yield f"<thead><tr><td></td>{head}</tr></thead><tbody>"
    for at, (label, counts) in enumerate(zip(found.labels, found.confusion, strict=True)):
        total = sum(counts) or 1
        cells = (_cell(count, count / total, own=at == column) for column, count in enumerate(counts))
        yield f'<tr><th scope="row">{text(label)}</th>{"".join(cells)}</tr>'
    yield "</tbody></table></div>"


def _cell(count: int, share: float, *, own: bool) -> str:
    if not count:
        return '<td class="none">0</td>'
    return f'<td class="{"own" if own else "other"}" style="--share: {share * 100:.1f}">{count}</td>'


def _reliability(found: Calibration) -> Iterator[str]:
    """How often answers of a probability are right."""
    if not found.bins:
        return
    x, y = Axis(0.0, 1.0, "probability", SIDES), Axis(0.0, 1.0, "right", SIDES)
    first, last = found.bins[0], found.bins[-1]
    described = (
        f"From {first.right.value:.0%} right at {first.probability:.0%} to {last.right.value:.0%} at "
        f"{last.probability:.0%}; the expected calibration error is {found.error:.4f}."
    )
    chart = Chart("Reliability", described, x, y, FRAME)
    chart.line([(0, 0), (1, 1)], "even")
    chart.line([(one.probability, one.right.value) for one in found.bins], "right")
    for one in found.bins:
        chart.upright(one.probability, *(one.right.interval or (one.right.value,) * 2), "right")
        tip = f"{evaluate.percent(one.probability)}: {evaluate.share(one.right)} of {one.count} are right"
        chart.mark(one.probability, one.right.value, "right", "circle", tip)
    caption = "Above the dashed line, the network is right more often than it says. Bars: 95 % intervals."
    yield f"<h2>Reliability</h2>{page.figure(chart.svg(), caption=caption)}"


def _pictures(heading: str, found: Iterable[tuple[int, Judged]], report: EvaluateReport) -> Iterator[str]:
    shown = [one for _, one in islice(found, MOST_PICTURES)]
    if shown:
        yield f"<h2>{heading}</h2>"
        yield page.gallery((one.thumbnail, evaluate.answers(one, report), one.picture) for one in shown)
