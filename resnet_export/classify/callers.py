"""Several threads call one session, each with one CPU: no run waits for another, nor for a CPU that decodes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from resnet_export.machine.cpu import usable_cpus
from resnet_export.runtimes import RuntimeSpec
from resnet_export.runtimes.session import Session

T = TypeVar("T")
R = TypeVar("R")
AHEAD = 2
"""Items for each caller that are taken before their results are."""


def open_for_callers(spec: RuntimeSpec, path: Path) -> tuple[Session, int]:
    """(a session of a file, how many threads have to call it so that all CPUs have work).

    Where the runtime can't run so, or its threads were chosen, one thread calls it.

    Raises:
        ResNetExportError: what `RuntimeSpec.open` raises.
    """
    single = spec.with_threads(1) if spec.takes_threads and spec.threads is None else spec
    session = single.open(path)
    on_cpu = session.placement().on_cpu
    if single != spec and not (session.takes_callers and on_cpu):
        session.close()
        session = spec.open(path)
    if not session.takes_callers:
        return session, 1
    if not on_cpu:
        return session, 2  # one prepares while one runs
    return session, max(1, usable_cpus() // (single.threads or usable_cpus()))


def answered(
    run: Callable[[T], R],
    items: Iterable[T],
    callers: int,
    *,
    result: Callable[[Future[R]], R] = Future.result,
) -> Generator[tuple[T, R]]:
    """Each item with what `run` gives for it, in their order; some are under way at a time.

    Args:
        run: called by as many threads as there are callers.
        items: taken as they are due.
        callers: how many threads.
        result: waits for a result.
    """
    waiting: deque[tuple[T, Future[R]]] = deque()
    threads = ThreadPoolExecutor(callers)
    try:
        for item in items:
            waiting.append((item, threads.submit(run, item)))
            if len(waiting) > AHEAD * callers:
                first, future = waiting.popleft()
                yield first, result(future)
        yield from ((item, result(future)) for item, future in waiting)
    finally:  # who takes them may have left early
        threads.shutdown(cancel_futures=True)
