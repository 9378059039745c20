"""A `DoctorReport` for a person at a terminal: plain text, 80 columns, fit for a bug report."""

from collections.abc import Iterable, Iterator

from resnet_export.doctor import DoctorReport, RuntimeCheck
from resnet_export.report import machine
from resnet_export.terminal import WIDTH, blocks, clipped, fact, listed

LONGEST = 230
"""Characters of a reason, four lines; JSON has the whole of it."""


def render(report: DoctorReport) -> str:
    """Machine, packages, runtimes, problems."""
    sections = {
        f"resnet-export {report.version}": [
            (name, _plain(listed(values))) for name, values in machine.facts(report.machine)
        ],
        "Packages": list(_packages(report)),
        "Runtimes that run here": [(one.name, _plain(one.detail)) for one in report.runtimes if one.usable],
        "Runtimes that do not": [(one.name, _reason(one)) for one in report.runtimes if not one.usable],
        "Problems": [(f"{at}", "\n".join([_plain(one.what), *one.cure])) for at, one in enumerate(report.problems, 1)],
    }
    longest = max(len(name) for facts in sections.values() for name, _ in facts)
    indent = min(WIDTH // 3, longest + 2 * len("  "))
    return blocks(*([title, *_lines(facts, indent)] for title, facts in sections.items() if facts))


def _lines(facts: Iterable[tuple[str, str]], indent: int) -> Iterator[str]:
    """Each name with its value."""
    for name, value in facts:
        for at, line in enumerate(value.splitlines()):
            yield from fact("" if at else name, line, indent=indent, fold=True)


def _packages(report: DoctorReport) -> Iterator[tuple[str, str]]:
    own = listed(f"{name} {version}" for name, version in report.onnxruntimes.items()) or "not installed"
    yield "ONNX Runtime", own
    if report.providers.reason is not None:
        yield "", f"cannot be imported: {_plain(report.providers.reason)}"
    else:
        names = [name.removesuffix("ExecutionProvider") for name in report.providers.names]
        yield "", f"providers compiled in: {listed(names)}"
    others = [found for found in report.distributions if found.name not in report.onnxruntimes]
    tested = [f"{found.name} {found.version}" for found in others if found.as_tested]
    if tested:
        yield "as tested", listed(tested)
    for found in report.distributions:
        if not found.as_tested:
            yield "not tested", f"{found.name} {found.version}" + (f" ({found.tested} was)" if found.tested else "")


def _reason(check: RuntimeCheck) -> str:
    """Why it doesn't run, and the next line what to do."""
    hint = _plain(check.hint or "").removeprefix("Install it with: ")
    if check.state == "missing" and check.detail.endswith("not installed."):
        # What a runtime without its package says is long, and the same for each.
        return f"not installed: {hint}" if hint else "not installed"
    return "\n".join(filter(None, [_plain(check.detail), hint]))


def _plain(text: str) -> str:
    return clipped(text, LONGEST)
