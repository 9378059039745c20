"""What the process of a case is told."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import pytest

from resnet_export.bench.case import expand_cases
from resnet_export.bench.request import POOLS, Request

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("runtime", "threads", "resolved"),
    [
        ("ort:cpu", None, ("ort:cpu,threads=2", 2)),
        ("ort:cpu", 5, ("ort:cpu,threads=5", 5)),
        ("ort:cpu,threads=3", None, ("ort:cpu,threads=3", 3)),
        ("reference", None, ("reference", 2)),
    ],
)
def test_threads_default_to_what_is_allowed(
    runtime: str, threads: int | None, resolved: tuple[str, int], net: Path
) -> None:
    (case,) = expand_cases([net], [runtime], threads=[threads])
    request = Request.of(case, 2)
    assert (str(request.spec), request.threads) == resolved


def test_pools_are_sized_for_a_runtime_that_has_no_option_for_it(net: Path) -> None:
    (case,) = expand_cases([net], ["reference"])
    assert Request.of(case, 3).environment == dict.fromkeys(POOLS, "3")
    (case,) = expand_cases([net], ["ort:cpu"])
    assert Request.of(case, 3).environment == {}


def test_it_is_the_case_s(net: Path) -> None:
    (case,) = expand_cases([net], ["ort:cuda"], [4], ios=["device"], allow_fallback=True)
    request = Request.of(case, 2)
    assert (request.path, request.images) == (str(net), case.model.images)
    assert (request.batch, request.io, request.allow_fallback) == (4, "device", True)


@pytest.mark.parametrize("runtime", ["ort:cpu", "reference"])
def test_it_survives_the_way_to_the_process(runtime: str, net: Path) -> None:
    (case,) = expand_cases([net], [runtime])
    request = Request.of(case, 2)
    assert pickle.loads(pickle.dumps(request)) == request
