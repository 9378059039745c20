"""Other projects' converters, run as programs of their own: they print much, and some crash on bad input."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from resnet_export.error_text import cannot_load, error_text


def run_converter(target: str, path: Path, command: Sequence[str], made: Sequence[Path], complaint: str) -> None:
    """Runs a converter; its exit code means nothing, so what counts is the files that it leaves.

    Args:
        target: whose converter, for messages.
        path: the user's file, for messages.
        command: the program and its arguments.
        made: the files that it should write.
        complaint: a pattern that marks the line in which it says what is wrong.

    Raises:
        ModelError: it did not write them.
    """
    folder = made[0].parent
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
    if all(file.is_file() and file.stat().st_size for file in made):
        return
    said = [line.strip() for line in (done.stdout + "\n" + done.stderr).splitlines()]
    complaints = [line for line in said if re.search(complaint, line)]
    if complaints:
        why = error_text(complaints[0])
    elif done.returncode < 0:
        why = f"its converter died of signal {-done.returncode}"
    else:
        why = "its converter wrote nothing and gives no reason"
    raise cannot_load(target, path, why)
