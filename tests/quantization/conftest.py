"""Files and pictures for quantisations; latencies are stubs, since timings have no place in tests."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from resnet_export import export
from resnet_export.bench.estimate import Estimate
from resnet_export.quantization import proof
from tests.classify import labelled

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from resnet_export.spec import ResNetSpec
    from resnet_export.weights import Weights


def stub_latency(patch: pytest.MonkeyPatch, ratio: float) -> None:
    """The file takes this share of the time of its source, in ONNX Runtime alone."""
    sides = (SimpleNamespace(p50_ms=1.0), SimpleNamespace(p50_ms=ratio))
    found = SimpleNamespace(ratio=Estimate(ratio, ratio - 0.01, ratio + 0.01), a=sides[0], b=sides[1])
    patch.setattr(proof, "compare", lambda *sides, **how: found)
    patch.setattr(proof, "RUNTIMES", ("ort:cpu",))


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`timed(0.5)`: the file takes half of the time; it does so without a call."""
    stub_latency(monkeypatch, 0.5)
    return partial(stub_latency, monkeypatch)


@pytest.fixture(scope="session")
def net(tmp_path_factory: pytest.TempPathFactory, tiny: ResNetSpec, trained: Callable[..., Weights]) -> Path:
    """ResNet-18 with 8 channels."""
    path = tmp_path_factory.mktemp("quantization") / "net.onnx"
    export(trained(tiny), path, framework="keras", verify=False)
    return path


@pytest.fixture(scope="session")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Digits in three channels."""
    path = tmp_path_factory.mktemp("quantization") / "colours.npz"
    pixels = np.repeat(labelled.pixels()[:160, ..., None], 3, -1)
    np.savez(path, images=pixels, labels=labelled.targets()[:160])
    return path


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A network of another tool that has learnt digits, and digits that it hasn't seen."""
    folder = tmp_path_factory.mktemp("quantization")
    return labelled.network(folder / "digits.onnx"), labelled.archive(folder / "digits.npz")
