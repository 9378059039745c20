"""What is said of a source whose own float64 run is another network's, or that of one that magnifies rounding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn

from resnet_export import ParityError, export
from resnet_export.parity import check
from resnet_export.parity.gate.judge import Verdict
from resnet_export.parity.gate.witness import judge_float64
from resnet_export.pipeline.source_sessions import LiveSession
from tests.parity.sources import scaled

if TYPE_CHECKING:
    from pathlib import Path

TRUTH = np.array([[1.0, -2.0]])


@pytest.mark.parametrize("float32_error", [1e-6, 0.5])
def test_near_enough(float32_error: float) -> None:
    verdict = Verdict()
    assert judge_float64(verdict, "the torch model", TRUTH + 1e-9, TRUTH, float32_error) == pytest.approx(5e-10)
    assert not verdict.failures


@pytest.mark.parametrize(("float32_error", "chaotic"), [(1e-6, False), (0.19, False), (0.21, True)])
def test_rounding_that_decides_is_named(float32_error: float, chaotic: bool) -> None:
    verdict = Verdict()
    judge_float64(verdict, "the torch model", TRUTH + 1, TRUTH, float32_error)
    (failure,) = verdict.failures
    assert failure.endswith("what its converter made of it is another network.")
    assert ("rounding alone decides what the network gives (0.21 in float32), or" in failure) == chaotic


class Magnifying(nn.Module):
    """Rounding of a large argument decides what the sine of it is."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 8, 3, 2), nn.Linear(8, 5)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        values: torch.Tensor = self.fc(torch.sin(3e4 * self.conv(images)).mean((2, 3)))
        return values


@pytest.mark.parametrize("wrong", [None, "source", "file"])
def test_a_source_whose_float32_run_is_far_off_by_itself(
    wrong: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its float64 run shows that the network was read right: a note, and no failure of a file that is right."""
    torch.manual_seed(0)
    model = Magnifying().eval()
    run = LiveSession.run
    monkeypatch.setattr(LiveSession, "run", lambda self, images: run(self, images) + np.float32(0.3))
    if wrong == "source":
        monkeypatch.setattr(LiveSession, "run", lambda self, images: run(self, images) * np.float32(np.nan))
    if wrong == "file":
        session = check.open_session

        def opened(runtime: str, path: Path) -> Any:
            return session(runtime, scaled(path, tmp_path / "spoiled.onnx", "conv.weight", 1.01))

        monkeypatch.setattr(check, "open_session", opened)
    if wrong is not None:
        with pytest.raises(ParityError) as caught:
            export(model, tmp_path / "net.onnx", image_size=16)
        failures = caught.value.report.verification.failures
        who = "the torch model gives values that are not finite" if wrong == "source" else "the file is "
        assert failures
        assert all(failure.startswith(who) for failure in failures)
        return
    report = export(model, tmp_path / "net.onnx", image_size=16)
    found = report.verification
    assert found is not None
    assert {entry.runtime for entry in found.comparisons if entry.excused} == {"torch"}
    assert {entry.runtime for entry in found.comparisons if entry.passed} == {"ort:cpu"}
    assert [note for note in found.notes if "That is no failure, since its float64 run agrees with the truth" in note]
