"""Several processes: results in order, and one that dies costs one result."""

from __future__ import annotations

import psutil

from resnet_export.errors import RuntimeCrashedError, UsageError
from resnet_export.workers import Pool
from tests.workers.targets import TARGET


def test_results_and_errors_come_in_order_and_the_dead_are_replaced() -> None:
    found = Pool(TARGET, 2).map("act", ["a", "die", "refuse", "b", "hang", "c"], timeout_s=10)
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


def test_items_are_shared_out_to_as_many_workers_as_there_may_be() -> None:
    found = Pool(TARGET, 2).map("pid", range(6))
    assert found[0::2] == [found[0]] * 3
    assert found[1::2] == [found[1]] * 3
    assert found[0] != found[1]
    assert Pool(TARGET, 2).map("pid", []) == []


def test_a_group_has_its_worker_to_itself() -> None:
    found = Pool(TARGET, 2).map("pid", ["x1", "y1", "x2", "z1", "y2"], key=lambda item: item[0])
    assert (found[0], found[1]) == (found[2], found[4])
    assert len(set(found)) == 3


def test_a_stream_gives_results_in_order_and_replaces_the_dead() -> None:
    found = list(Pool(TARGET, 2).stream("act", ["a", "die", "refuse", "b", "c"]))
    assert [str(one).partition(" by ")[0] for one in found] == [
        "a", "its process left with exit code 3 while running it", "not so\nso", "b", "c",
    ]  # fmt: skip
    assert psutil.Process().children() == []


def test_a_stream_takes_an_item_when_it_is_due() -> None:
    """What has not been asked for yet doesn't fill the memory."""
    taken: list[int] = []
    stream = Pool(TARGET, 2).stream("pid", (taken.append(item) or item for item in range(100)), ahead=3)  # type: ignore[func-returns-value]
    assert len({next(stream) for _ in range(10)}) <= 2
    assert len(taken) == 10 - 1 + 2 * 3
    stream.close()
    assert psutil.Process().children() == []
    assert list(Pool(TARGET, 2).stream("pid", [])) == []
