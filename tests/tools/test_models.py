"""The networks that `make models` trains: how good they are, and that their files give their answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from training import idx
from training.settings import FRAMEWORKS

from resnet_export import Weights, evaluate, export
from resnet_export.files import cache_folder

if TYPE_CHECKING:
    from pathlib import Path

LEAST = 0.915
"""What ResNet-18 of 16 channels reaches in six epochs, as a share of the 10,000 test pictures."""
ROUNDING = 1e-4
"""Distance of two probabilities in float32, of which logits differ in the sixth digit."""


def live(framework: str, path: Path) -> Any:
    """The trained network as its user would hold it."""
    if framework == "keras":
        import keras

        return keras.saving.load_model(path)
    from resnet_export.models import torch

    weights = Weights.load(path)
    model = torch.build(weights.spec)
    torch.load(model, weights)
    return model.eval()


@pytest.mark.long
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_trained_network_and_its_file(framework: str, tmp_path: Path) -> None:
    path = cache_folder() / "models" / f"fashion-mnist-{framework}{FRAMEWORKS[framework][0]}"
    if not path.exists():
        pytest.skip("make models trains it")
    files = [tmp_path / f"{converter}.onnx" for converter in FRAMEWORKS]
    for file in files:
        export(path, file, framework=file.stem)
    assert files[0].read_bytes() == files[1].read_bytes()
    report = evaluate(files[0], idx.DEBIAN, against=live(framework, path))
    assert (report.evaluated, report.file.matched) == (10_000, "number")
    assert report.file.accuracy.value >= LEAST
    for _, one in report.differing():
        mine, theirs = one.answers
        assert mine.probability == pytest.approx(theirs.probability, abs=ROUNDING), f"{one.picture} is not a tie"
