"""Where the journal of a benchmark lies, and what is said of it when the program is interrupted."""

from __future__ import annotations

import os
from pathlib import Path


def place(output: str | None, plan: str) -> Path | None:
    """Beside the output; without one, in the user's cache under the plan's digest; None where that can't be written.

    Args:
        output: the file that the result goes to.
        plan: its digest.
    """
    if output is not None:
        return Path(f"{output}.journal")
    import platformdirs

    cache = os.environ.get("RESNET_EXPORT_CACHE") or platformdirs.user_cache_dir("resnet-export", appauthor=False)
    folder = Path(cache, "bench")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:  # nobody asked for it: in a container there may be no home
        return None
    return folder / f"{plan[:16]}.journal" if os.access(folder, os.W_OK | os.X_OK) else None


def what_is_left(journal: Path) -> str:
    """After an interruption: `1 finished case in out.json.journal: the same command goes on from there`."""
    from resnet_export.plain import number

    try:
        finished = max(0, journal.read_bytes().count(b"\n") - 1)  # the first line is the header
    except OSError:
        finished = 0
    if not finished:
        return "no case was finished"
    return f"{number(finished, 'finished case')} in {journal}: the same command goes on from there"
