"""Random live models: each is exported and equal to its own run, or refused for an operator that is not read."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import pytest

from resnet_export import export, live
from resnet_export.graph.reading.values import UnreadableError

from .random_keras import random_keras
from .random_torch import SIZE, random_torch

if TYPE_CHECKING:
    from pathlib import Path

MODELS = {"torch": random_torch, "keras": random_keras}


def exported(framework: str, seed: int, folder: Path) -> str:
    """Exports a random model, and holds the file against its own run; gives `exported` or why it was refused."""
    model = MODELS[framework](Random(seed))
    path = folder / f"{seed}.onnx"
    try:
        report = export(model, path, image_size=SIZE)
    except UnreadableError as error:
        return error.message
    assert report.passed
    images = np.random.default_rng(seed).standard_normal((3, 3, SIZE, SIZE)).astype(np.float32)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    expected = live.of(model).run(images)
    found = session.run(None, {"input": images})
    assert len(found) == len(expected)
    for own, other in zip(expected, found, strict=True):
        assert np.abs(own - other).max() <= 1e-4 * max(1, np.abs(own).max())
    return "exported"


@pytest.mark.parametrize(
    ("framework", "seed"),
    [
        ("torch", 1),
        ("torch", 3),
        ("keras", 1),
        *(
            pytest.param(name, seed, marks=pytest.mark.long)
            for name, seed in (("torch", 3), ("keras", 2), ("keras", 3))
        ),
    ],
)
def test_random_models(framework: str, seed: int, tmp_path: Path) -> None:
    assert exported(framework, seed, tmp_path) == "exported"
