"""Where the journal of a benchmark lies, and what is said of it when the program is interrupted."""

import os
from pathlib import Path


def place(plan: str) -> Path | None:
    """The journal of a plan, by its digest, in the user's cache; None where that can't be written."""
    from resnet_export.files import cache_folder

    folder = cache_folder() / "bench"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:  # nobody asked for it: in a container there may be no home
        return None
    return folder / f"{plan[:16]}.journal" if os.access(folder, os.W_OK | os.X_OK) else None


def what_is_left(journal: Path) -> str:
    """After an interruption: `1 finished case is kept: the same command goes on from there`."""
    from resnet_export.terminal import number

    try:
        finished = max(0, journal.read_bytes().count(b"\n") - 1)  # the first line is the header
    except OSError:
        finished = 0
    if not finished:
        return "no case was finished"
    return f"{number(finished, 'finished case')} in {journal}: the same command goes on from there"
