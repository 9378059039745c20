"""The code of docs/run.md, which doesn't use this package, gives the answers of `predict`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from resnet_export import predict
from resnet_export.images import Preprocessing

from .files import LABELS, ours

if TYPE_CHECKING:
    from tests.conftest import Exported

PAGE = Path(__file__).parents[2] / "docs" / "run.md"
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "labels": {"labels": LABELS},
    "nhwc": {"layout": "nhwc"},
    "uint8": {"preprocess": "uint8"},
    "nhwc uint8": {"layout": "nhwc", "preprocess": "uint8"},
    "probabilities": {"head": "probabilities"},
    "sigmoid": {"head": "sigmoid"},
    "one logit": {"classes": 1},
    "lanczos": {"preprocessing": Preprocessing(40, 32, (0.5,) * 3, (0.25,) * 3, "lanczos")},
    "nearest": {"preprocessing": Preprocessing(33, 32, (0.0,) * 3, (1.0,) * 3, "nearest")},
}
SQUASHED = Preprocessing(40, 32, (0.5,) * 3, (0.25,) * 3, "bicubic", aspect="squashed")
CAFFE = Preprocessing(37, 32, (0.4, 0.45, 0.5), (1 / 64,) * 3, bgr=True)
VARIANTS |= {
    "image": {"layout": "nhwc", "preprocess": "image", "opset": 18},
    "squashed image": {"layout": "nhwc", "preprocess": "image", "opset": 18, "preprocessing": SQUASHED},
    "squashed": {"preprocessing": SQUASHED},
    "half a pixel down": {"preprocessing": Preprocessing(35, 32, (0.5,) * 3, (0.25,) * 3, half="down")},
    "BGR": {"preprocessing": CAFFE},
    "BGR uint8": {"preprocess": "uint8", "preprocessing": CAFFE},
}
TOLERANCE = 1e-6
"""Both compute in float64 what the runtime gives in float32; 7 digits are printed."""


def snippet() -> str:
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return str(code)


def run(model: Path, pictures: list[Path]) -> dict[str, list[tuple[int, float, str]]]:
    """Picture -> (class, probability, label) of each line that the code prints."""
    forbid = "import sys; sys.modules['resnet_export'] = None\n"
    done = subprocess.run(
        [sys.executable, "-c", forbid + snippet(), str(model), *map(str, pictures)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found: dict[str, list[tuple[int, float, str]]] = {}
    for line in done.stdout.splitlines():
        probability, index, rest = line.split(" ", 2)
        label, _, path = rest.rpartition(" ")
        found.setdefault(path, []).append((int(index), float(probability), label))
    return found


def agree(model: Path, pictures: list[Path]) -> None:
    expected = run(model, pictures)
    report = predict(model, pictures)
    assert [picture.path for picture in report.pictures] == list(expected)
    for picture in report.pictures:
        mine = expected[picture.path]
        assert [found.index for found in picture.top] == [index for index, _, _ in mine]
        assert [found.probability for found in picture.top] == pytest.approx([p for _, p, _ in mine], abs=TOLERANCE)
        assert [found.label or "" for found in picture.top] == [label for _, _, label in mine]


@pytest.fixture
def pictures(album: Path) -> list[Path]:
    """A JPEG, a PNG, and a photograph that was taken with the camera on its side."""
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(album / "china.jpg") as photo:
        photo.save(album / "turned.jpg", exif=exif)
    return [album / "china.jpg", album / "flower.png", album / "turned.jpg"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_gives_the_answers_of_predict(variant: str, tmp_path: Path, pictures: list[Path]) -> None:
    agree(ours(tmp_path / "net.onnx", **VARIANTS[variant]), pictures)


def test_on_an_exported_network(exported: Exported, pictures: list[Path]) -> None:
    agree(exported.path, pictures)


def test_it_is_short() -> None:
    assert len([line for line in snippet().splitlines() if line.strip()]) <= 36
