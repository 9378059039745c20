"""`stream`: a method on many items, in a few workers at a time."""

import threading
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from resnet_export.errors import ResNetExportError, RuntimeCrashedError
from resnet_export.workers.client import TIMEOUT_S, Worker


def stream(
    target: str,
    size: int,
    method: str,
    items: Iterable[Any],
    *,
    timeout_s: float = TIMEOUT_S,
    doing: str = "running it",
    ahead: int = 2,
) -> Generator[Any, None, None]:
    """Calls a method of several workers' targets with each item. A worker that dies costs one item, and is replaced.

    Args:
        target: as of `Worker`.
        size: workers at a time.
        method: its name.
        items: its only argument, one a call; each is taken when it is due.
        timeout_s: seconds without a sign of life after which a call counts as a hang.
        doing: what a call does, for messages.
        ahead: items for each worker that are taken before their results are: what bounds the memory.

    Yields:
        What the method returned or, as `ResNetExportError`, how it failed; in the order of the items.
    """
    own, workers = threading.local(), list[Worker]()  # a worker has to be made by a thread that outlives it

    def call(item: Any) -> Any:
        if getattr(own, "worker", None) is None:
            own.worker = Worker(target, timeout_s=timeout_s)
            workers.append(own.worker)
        try:
            return own.worker.call(method, item, doing=doing)
        except RuntimeCrashedError as error:
            own.worker = None
            return error
        except ResNetExportError as error:
            return error

    threads = ThreadPoolExecutor(size)
    waiting: deque[Future[Any]] = deque()
    try:
        for item in items:
            waiting.append(threads.submit(call, item))
            if len(waiting) >= ahead * size:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:  # the caller may have left early
        threads.shutdown(wait=False, cancel_futures=True)
        for worker in [*workers]:
            worker.close()  # ends the calls that are under way
        threads.shutdown()
        for worker in workers:  # one may have been started meanwhile
            worker.close()
