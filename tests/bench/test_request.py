"""What the process of a case is told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from resnet_export.bench.case import make_plan
from resnet_export.bench.pools import POOLS
from resnet_export.bench.request import Request

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
    (case,) = make_plan([net], [runtime], threads=[threads])
    request = Request.of(case, 2)
    assert (request.runtime, request.threads) == resolved


def test_pools_are_sized_for_a_runtime_that_has_no_option_for_it(net: Path) -> None:
    (case,) = make_plan([net], ["reference"])
    assert Request.of(case, 3).environment == dict.fromkeys(POOLS, "3")
    (case,) = make_plan([net], ["ort:cpu"])
    assert Request.of(case, 3).environment == {}


def test_it_is_the_case_s(net: Path) -> None:
    (case,) = make_plan([net], ["ort:cuda"], [4], boundaries=["device"], allow_fallback=True)
    request = Request.of(case, 2)
    assert (request.path, request.images) == (str(net), case.model.images)
    assert (request.batch, request.boundary, request.allow_fallback) == (4, "device", True)


@pytest.mark.parametrize("runtime", ["ort:cpu", "reference"])
def test_it_survives_json(runtime: str, net: Path) -> None:
    (case,) = make_plan([net], [runtime])
    request = Request.of(case, 2)
    assert Request.from_dict(json.loads(json.dumps(request.as_dict()))) == request
