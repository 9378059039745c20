"""The program in a process of its own, where file descriptors and imported modules matter."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

STUB = """
import dataclasses, sys, types

@dataclasses.dataclass
class ExportReport:
    passed: bool = True

def export(source, output, *, progress, **options):
    with progress("load"):
        work()
    return ExportReport()

module = types.ModuleType("resnet_export.pipeline")
module.export = export
sys.modules["resnet_export.pipeline"] = module

from resnet_export.cli import main
sys.argv = ["resnet-export", *sys.argv[1:]]
main()
"""


def launch(work: str, *arguments: str, folder: Path, shell: str | None = None) -> subprocess.CompletedProcess[str]:
    """Runs the program with a pipeline whose work is the body of a function `work`.

    Args:
        work: Python statements.
        arguments: of the program.
        folder: in which it runs.
        shell: a command line in which "$@" is the program, in place of the plain program.
    """
    script = folder / "program.py"
    body = "\n".join(f"    {line}" for line in work.splitlines())
    script.write_text(f"def work():\n{body}\n{STUB}", encoding="utf-8")
    command = [sys.executable, str(script), *arguments]
    if shell is not None:
        command = ["bash", "-c", shell, "bash", *command]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=120, check=False)
