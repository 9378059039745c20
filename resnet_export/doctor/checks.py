"""Checks runtimes in workers, where a crash, a hang or a library's chatter hurts nobody."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from resnet_export.doctor.report import Providers, RuntimeCheck, State
from resnet_export.errors import MissingDependencyError, ResNetExportError, RuntimeFailedError
from resnet_export.runtimes import find
from resnet_export.workers import Worker

PROVIDERS = "ort:providers compiled in"
"""Stands for the question which providers were compiled into ONNX Runtime; no runtime's name has a blank."""
LONGEST = 2000
"""Characters of a reason: some libraries put a stack trace into theirs."""
MOST = 4
"""Processes at a time: each may hold a framework of half a gigabyte."""


class Checker:
    """What a worker does."""

    def __init__(self, report: object) -> None:
        """Reports no progress."""

    def check(self, name: str) -> RuntimeCheck:
        """Whether a runtime runs here. The answer to `PROVIDERS` has their names as its detail."""
        try:
            if name == PROVIDERS:
                import onnxruntime

                return RuntimeCheck(name, "usable", " ".join(onnxruntime.get_available_providers()))
            return RuntimeCheck(name, "usable", str(find(name).probe()))
        except (Exception, SystemExit) as error:
            return failure(name, error)


def check_all(names: Sequence[str], *, timeout_s: float) -> tuple[tuple[RuntimeCheck, ...], Providers]:
    """Checks runtimes, each in a process of its own, and asks ONNX Runtime for its providers.

    Args:
        names: of the runtimes; the checks come in the same order.
        timeout_s: seconds for each.
    """

    def check(name: str) -> RuntimeCheck:
        try:
            with Worker(f"{__name__}:Checker", timeout_s=timeout_s) as worker:
                found: RuntimeCheck = worker.call("check", name, doing="checking it")
                return found
        except ResNetExportError as error:
            return failure(name, error)

    with ThreadPoolExecutor(min(MOST, os.cpu_count() or 1)) as threads:
        first, *checks = threads.map(check, [PROVIDERS, *names])
    return tuple(checks), Providers(tuple(first.detail.split())) if first.usable else Providers(reason=first.detail)


def failure(name: str, error: BaseException) -> RuntimeCheck:
    """What an error says of a runtime."""
    if not isinstance(error, ResNetExportError):
        detail = f"{type(error).__name__}: {error}"
        return RuntimeCheck(name, "failed", detail if len(detail) <= LONGEST else f"{detail[:LONGEST]}...")
    state: State = "missing" if isinstance(error, MissingDependencyError) else "unavailable"
    # Whoever reads this need not be sent here, and doctor has no --allow-fallback.
    hint = None if "resnet-export doctor" in (error.hint or "") else error.hint
    hint = hint and hint.partition("; or go on without it")[0]
    return RuntimeCheck(name, "failed" if isinstance(error, RuntimeFailedError) else state, error.message, hint)
