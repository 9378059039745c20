"""Commands and Python of the README, one after the other in one process, which imports the frameworks once."""

from __future__ import annotations

import os
import runpy
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Steps:
    """What a `workers.Worker` runs."""

    def __init__(self, report: Callable[[object], None]) -> None:
        pass

    def run(self, folder: str, program: str | None, arguments: list[str]) -> str:
        """Runs an installed program with arguments, or Python text, in a folder; gives what went wrong, or nothing."""
        os.chdir(folder)
        sys.argv = [program or "-c", *arguments]
        try:
            if program is None:
                exec(arguments[0], {"__name__": "__main__"})
            else:
                runpy.run_path(str(Path(sys.executable).with_name(program)), run_name="__main__")
        except SystemExit as left:
            return "" if not left.code else f"exit code {left.code}"
        except Exception:
            return traceback.format_exc()
        return ""
