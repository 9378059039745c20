"""Several processes: results in order, and one that dies costs one result."""

from __future__ import annotations

import psutil

from resnet_export.errors import RuntimeCrashedError, UsageError
from resnet_export.workers import stream
from tests.workers.targets import TARGET


def test_results_and_errors_come_in_order_and_the_dead_are_replaced() -> None:
    found = list(stream(TARGET, 2, "act", ["a", "die", "refuse", "b", "hang", "c"], timeout_s=10))
    assert [str(one).partition(" by ")[0] for one in found] == [
        "a",
        "its process left with exit code 3 while running it",
        "not so\nso",
        "b",
        "its process gave no sign of life for 10 s while running it, and was ended",
        "c",
    ]
    assert [type(found[index]) for index in (1, 2, 4)] == [RuntimeCrashedError, UsageError, RuntimeCrashedError]
    assert psutil.Process().children() == []


def test_an_item_is_taken_when_it_is_due() -> None:
    """What has not been asked for yet doesn't fill the memory."""
    taken: list[int] = []
    items = (taken.append(item) or item for item in range(100))  # type: ignore[func-returns-value]
    results = stream(TARGET, 2, "pid", items, ahead=3)
    assert len({next(results) for _ in range(10)}) <= 2
    assert len(taken) == 10 - 1 + 2 * 3
    results.close()
    assert psutil.Process().children() == []
    assert list(stream(TARGET, 2, "pid", [])) == []
