from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from resnet_export.errors import UnavailableError, UsageError
from resnet_export.runtimes import open_session, parse_runtime

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


@pytest.fixture
def images() -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal((2, 3, 32, 32), dtype=np.float32)


@pytest.mark.parametrize(
    ("options", "precision", "bound"),
    [
        ("", "float32", 1e-5),
        (",channels_last=true", "float32", 1e-5),
        (",precision=bfloat16,channels_last=true", "bfloat16", 0.05),
    ],
)
def test_precision_and_layout(
    options: str, precision: str, bound: float, plain: Path, images: NDArray[np.float32]
) -> None:
    with open_session("ort:cpu", plain) as session:
        expected = session.run(images)
    with open_session(f"torch{options}", plain) as session:
        found = session.run(images)
        assert session.precision == precision
        assert session.placement().device == "CPU"
    error = float(np.abs(found - expected).max() / np.abs(expected).max())
    assert (found.shape, found.dtype) == (expected.shape, np.float32)
    assert error <= bound
    assert (error > 1e-4) == (precision == "bfloat16"), "it is what it says"


def test_from_device_to_device(plain: Path, images: NDArray[np.float32]) -> None:
    with open_session("torch", plain) as session:
        binding = session.bind([images, images[:1]])
        for index in range(3):
            binding.submit(index)
            binding.wait()


def test_without_a_gpu(plain: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("CUDA runs here")
    with pytest.raises(UnavailableError) as caught:
        open_session("torch,device=cuda", plain)
    assert "has no CUDA device here" in caught.value.message
    assert caught.value.hint


def test_a_precision_that_a_cpu_has_not() -> None:
    with pytest.raises(UsageError, match=r"A CPU has no TF32\."):
        parse_runtime("torch,precision=tf32")
