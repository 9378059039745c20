"""`Pool`: a method on many items, in a few workers at a time."""

import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from typing import Any

from resnet_export.errors import ResNetExportError, RuntimeCrashedError
from resnet_export.workers.client import TIMEOUT_S, Worker


class Pool:
    """Several workers of one target. One that dies costs one item its result, and is replaced."""

    def __init__(self, target: str, size: int) -> None:
        """Starts nothing yet.

        Args:
            target: as of `Worker`.
            size: workers at a time.
        """
        self._target, self._size = target, size

    def map(
        self,
        method: str,
        items: Iterable[Any],
        *,
        timeout_s: float = TIMEOUT_S,
        key: Callable[[Any], Hashable] | None = None,
        doing: str = "running it",
    ) -> list[Any]:
        """Calls a method of the target with each item.

        Args:
            method: its name.
            items: its only argument, one a call.
            timeout_s: seconds without a sign of life after which a call counts as a hang.
            key: gives the group of an item. The items of a group share a worker, sequentially, with no other group's.
                None shares the items out evenly.
            doing: what a call does, for messages.

        Returns:
            What the method returned or, as `ResNetExportError`, how it failed; in the order of the items.
        """
        groups: dict[Hashable, list[tuple[int, Any]]] = {}
        for index, item in enumerate(items):
            groups.setdefault(key(item) if key else index % self._size, []).append((index, item))
        with ThreadPoolExecutor(self._size) as threads:
            done = threads.map(lambda group: list(self._results(group, method, timeout_s, doing)), groups.values())
            found = dict(chain.from_iterable(done))
        return [found[index] for index in range(len(found))]

    def stream(
        self,
        method: str,
        items: Iterable[Any],
        *,
        timeout_s: float = TIMEOUT_S,
        doing: str = "running it",
        ahead: int = 2,
    ) -> Iterator[Any]:
        """Does the same while it goes on: results come in the order of the items, and an item is taken when it is due.

        Args:
            method: as of `map`, like the next two.
            items: likewise.
            timeout_s: likewise.
            doing: likewise.
            ahead: items for each worker that are taken before their results are: what bounds the memory.
        """
        own, workers = threading.local(), list[Worker]()  # a worker has to be made by a thread that outlives it

        def call(item: Any) -> Any:
            if getattr(own, "worker", None) is None:
                own.worker = Worker(self._target, timeout_s=timeout_s)
                workers.append(own.worker)
            try:
                return own.worker.call(method, item, doing=doing)
            except RuntimeCrashedError as error:
                own.worker = None
                return error
            except ResNetExportError as error:
                return error

        threads = ThreadPoolExecutor(self._size)
        waiting: deque[Future[Any]] = deque()
        try:
            for item in items:
                waiting.append(threads.submit(call, item))
                if len(waiting) >= ahead * self._size:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:  # the caller may have left early
            threads.shutdown(cancel_futures=True)
            for worker in workers:
                worker.close()

    def _results(
        self, group: list[tuple[int, Any]], method: str, timeout_s: float, doing: str
    ) -> Iterator[tuple[int, Any]]:
        while group:  # with a new worker for what one that died has left
            with Worker(self._target, timeout_s=timeout_s) as worker:
                while group:
                    index, item = group.pop(0)
                    try:
                        yield index, worker.call(method, item, doing=doing)
                    except RuntimeCrashedError as error:
                        yield index, error
                        break
                    except ResNetExportError as error:
                        yield index, error
