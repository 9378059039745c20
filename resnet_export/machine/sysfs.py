"""Small files in which Linux tells of itself, such as those below `/proc` and `/sys`."""

from pathlib import Path

ROOT = Path("/")
"""The folder that holds `proc`, `run` and `sys`; tests have others."""


def read_text(path: Path) -> str:
    """The text of a file; empty where there is none, or it can't be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
