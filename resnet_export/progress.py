"""`Progress`: what a job enters around each of its stages, so that whoever called it sees how it stands."""

from collections.abc import Callable
from contextlib import AbstractContextManager

Progress = Callable[[str], AbstractContextManager[Callable[[str], None] | None]]
"""Entered around each stage with its name; may give a function that is called with how it stands."""
