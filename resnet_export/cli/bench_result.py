"""What becomes of the result of `bench run`: text on stdout, files, messages, an exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from resnet_export.bench.results import BenchReport, CaseResult
    from resnet_export.errors import ResNetExportError


def choose_renderer(**wanted: bool) -> Callable[[BenchReport], str]:
    """What makes the text for stdout."""
    from resnet_export.errors import UsageError
    from resnet_export.report.json import render_line

    names = [f"--{name.removeprefix('as_')}" for name, is_wanted in wanted.items() if is_wanted]
    if len(names) > 1:
        raise UsageError(f"{' and '.join(names)} exclude each other.", hint="Give one of them.")
    renderers = {"--json": render_line, "--csv": _as_csv, "--markdown": _as_markdown}
    return renderers[names[0]] if names else _as_text


def tell_of(report: BenchReport) -> None:
    """What stands in no table."""
    from resnet_export.cli.output import tell

    if report.resumed:
        tell(f"resumed: {report.resumed} of {len(report.cases)} cases come from a run that was interrupted")
    for result in report.cases:
        if result.case.key in report.unprofiled:
            tell(f"no profile of {result.case.label}: {report.unprofiled[result.case.key]}")


def write_files(report: BenchReport, outputs: Mapping[str, str | None]) -> None:
    """The files that were asked for."""
    from resnet_export.cli.output import write
    from resnet_export.report.json import render_line

    for path, render in ((outputs["--output"], render_line), (outputs["--html"], _as_html)):
        if path is not None:
            write(path, render(report))


def failure(failures: Sequence[CaseResult]) -> ResNetExportError:
    """What was not measured, as an error with the exit code of the gravest."""
    from resnet_export import errors
    from resnet_export.plain import number

    kinds: tuple[type[ResNetExportError], ...] = (
        errors.UnavailableError,
        errors.MissingDependencyError,
        errors.InputError,
        errors.UsageError,
    )
    gravest = max(result.exit_code or 1 for result in failures)
    kind = next((kind for kind in kinds if kind.exit_code == gravest), errors.RuntimeFailedError)
    first = failures[0]
    return kind(f"{number(len(failures), 'case')} gave no numbers; {first.case.label}: {first.reason}", hint=first.hint)


def _as_csv(report: BenchReport) -> str:
    from resnet_export.report import bench_table

    return bench_table.as_csv(report.as_dict()).rstrip("\n")


def _as_markdown(report: BenchReport) -> str:
    from resnet_export.report import bench_table

    return bench_table.as_markdown(report.as_dict()).rstrip("\n")


def _as_html(report: BenchReport) -> str:
    from resnet_export.report import bench_html

    return bench_html.render(report.as_dict())


def _as_text(report: BenchReport) -> str:
    from functools import partial

    from resnet_export.cli.again import again
    from resnet_export.report import bench_text

    ctx = click.get_current_context()
    return bench_text.render(report.as_dict(), verbose=ctx.params["verbose"], again=partial(again, ctx))
