from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from resnet_export.cli import root
from resnet_export.pipeline.report import ExportReport
from tests.report.examples import example

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


@dataclass
class Pipeline:
    """Stands in for `resnet_export.pipeline`: notes how it was called, and does as it was told."""

    report: ExportReport = field(default_factory=example)
    raises: BaseException | None = None
    does: Callable[[], object] = lambda: None
    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)

    def export(self, *arguments: Any, **options: Any) -> ExportReport:
        self.calls.append((arguments, options))
        with options["progress"]("load"):
            self.does()
            if self.raises is not None:
                raise self.raises
        return self.report

    @property
    def source(self) -> Any:
        return self.calls[-1][0][0]

    @property
    def output(self) -> Any:
        return self.calls[-1][0][1]

    @property
    def options(self) -> dict[str, Any]:
        return self.calls[-1][1]


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    stub = Pipeline()
    module = ModuleType("resnet_export.pipeline")
    module.export = stub.export  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "resnet_export.pipeline", module)
    return stub


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """`invoke("--depth", "50")`: runs the command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(root, list(arguments), prog_name="resnet-export")
