"""What `verify` found as JUnit XML: one suite for the file, one case for each runtime, inputs, batch and output."""

from collections.abc import Iterator

from resnet_export.parity.results import RuntimeResult, VerifyReport
from resnet_export.report.kit import junit
from resnet_export.report.kit.junit import Case, Outcome
from resnet_export.terminal import number


def render(report: VerifyReport) -> str:
    """An XML document."""
    placements = [(result.runtime, result.placement) for result in report.runtimes if result.placement is not None]
    strays = [f"{name}: FALLBACK: {placement.fallback}" for name, placement in placements if placement.fallback]
    output = [*strays, *report.notes, *report.located]
    return junit.render("resnet-export verify", report.file, _cases(report), output)


def _cases(report: VerifyReport) -> Iterator[Case]:
    for result in report.runtimes:
        yield from _runtime_cases(result, report)
    # What is left is about the file itself: its structure, its numbers, its softmax, or that nothing ran it.
    known = {entry.failure for entry in report.comparisons}
    known |= {f"{result.runtime}: {result.reason}" for result in report.runtimes}
    rest = [sentence for sentence in report.failures if sentence not in known]
    yield Case("the file", "contents", "failure", rest[0], tuple(rest[1:])) if rest else Case("the file", "contents")


def _runtime_cases(result: RuntimeResult, report: VerifyReport) -> Iterator[Case]:
    name = result.runtime
    if result.status not in ("passed", "failed"):
        outcome: Outcome = "error" if result.status == "crashed" else "failure" if result.refused else "skipped"
        hint = (result.hint,) if result.hint else ()
        yield Case(name, "run", outcome, f"{result.status}: {result.reason or ''}", hint)
        return
    for entry in report.comparisons:
        case = _inputs(entry.inputs, entry.batch) + ("" if entry.output is None else f", {entry.output}")
        if entry.runtime == name and entry.passed:
            yield Case(name, case)
        elif entry.runtime == name:
            yield Case(name, case, "failure", entry.failure or "it did not pass")
    for batch in result.batches_left_out:
        yield Case(name, _inputs("random", batch), "skipped", "not a batch that it takes")


def _inputs(inputs: str, batch: int) -> str:
    return number(batch, "picture") if inputs == "pictures" else number(batch, f"{inputs} image")
