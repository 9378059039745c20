"""The registry of output formats: a new format is one file and one line here."""

import pkgutil
from collections.abc import Callable
from typing import Any

from resnet_export.errors import UsageError

SUFFIXES = {".json": "json", ".csv": "csv", ".md": "markdown", ".html": "html", ".xml": "junit"}
"""Suffix of a file -> form."""
TEXT = "text"
"""The form that a terminal shows."""
JSON = "resnet_export.data:to_json"
JSON_LINE = "resnet_export.report.kit.formats:to_json_line"
REPORT = "resnet_export.report"
RENDERERS: dict[str, dict[str, str]] = {
    "ExportReport": {TEXT: f"{REPORT}.export:render", "json": JSON},
    "VerifyReport": {
        TEXT: f"{REPORT}.verify.text:render",
        "json": JSON,
        "html": f"{REPORT}.verify.page:render",
        "junit": f"{REPORT}.verify.junit:render",
    },
    "ModelReport": {TEXT: f"{REPORT}.inspect:render", "json": JSON},
    "ModelDiff": {TEXT: f"{REPORT}.inspect:render_diff", "json": JSON},
    "PredictReport": {
        TEXT: f"{REPORT}.predict:as_text",
        "json": JSON,
        "csv": f"{REPORT}.predict:as_csv",
        "markdown": f"{REPORT}.predict:as_markdown",
        "html": f"{REPORT}.predict:as_page",
    },
    "EvaluateReport": {
        TEXT: f"{REPORT}.evaluate:as_text",
        "json": JSON_LINE,
        "csv": f"{REPORT}.evaluate:as_csv",
        "markdown": f"{REPORT}.evaluate:as_markdown",
        "html": f"{REPORT}.evaluate.page:render",
    },
    "QuantizeReport": {TEXT: f"{REPORT}.quantize:as_text", "json": JSON, "html": f"{REPORT}.quantize:as_page"},
    "DeployReport": {
        TEXT: f"{REPORT}.deploy:as_text",
        "json": JSON,
        "csv": f"{REPORT}.deploy:as_csv",
        "markdown": f"{REPORT}.deploy:as_markdown",
    },
    "TargetList": {TEXT: f"{REPORT}.deploy:list_as_text", "json": JSON},
    "ScoreReport": {TEXT: f"{REPORT}.score:as_text", "json": JSON, "html": f"{REPORT}.score:as_page"},
    "DoctorReport": {TEXT: f"{REPORT}.doctor:render", "json": JSON},
    "BenchReport": {
        TEXT: f"{REPORT}.bench.text:render",
        "json": JSON_LINE,
        "csv": f"{REPORT}.bench.table:as_csv",
        "markdown": f"{REPORT}.bench.table:as_markdown",
        "html": f"{REPORT}.bench.page:render",
    },
    "Comparison": {TEXT: f"{REPORT}.compare:render", "json": JSON_LINE},
    "CheckReport": {TEXT: f"{REPORT}.check:as_text", "json": JSON, "junit": f"{REPORT}.check:as_junit"},
    "Profile": {TEXT: f"{REPORT}.profile:render", "json": JSON_LINE},
}
"""Class of a result -> form -> the function that renders it, as `module:function`; imported when it is called."""


def suffixes(subject: str) -> list[str]:
    """The suffixes of the files that hold such a result; `subject` is the name of its class."""
    return [suffix for suffix, form in SUFFIXES.items() if form in RENDERERS[subject]]


def form_of(path: str, subject: str, option: str) -> str:
    """The form of a result that the suffix of a file asks for; `option` names the file in the message.

    Raises:
        UsageError: there is no such form of this result; the hint lists those that there are.
    """
    known = suffixes(subject)
    for suffix in known:
        if path.lower().endswith(suffix):
            return SUFFIXES[suffix]
    several = f"{', '.join(known[:-1])} or {known[-1]}" if len(known) > 1 else known[0]
    raise UsageError(f"{option} {path}: its suffix names no form of this result.", hint=f"Give a file in {several}.")


def render(result: Any, form: str, **options: Any) -> str:
    """The result, of a class in `RENDERERS`, in a form; the options are its function's, as `layers` of verify."""
    function: Callable[..., str] = pkgutil.resolve_name(RENDERERS[type(result).__name__][form])
    return function(result, **options)


def to_json_line(result: Any) -> str:
    """One JSON object in one line, for a result with thousands of samples."""
    from resnet_export.data import to_json

    return to_json(result, indent=0)
