"""What the README shows works: its commands and its Python, in its order, in one folder; and every page's links."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from resnet_export.spec import ResNetSpec
from resnet_export.weights import Weights
from resnet_export.workers import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BIN = Path(sys.executable).parent
CLASSES = 10


def commands(console: str) -> list[str]:
    """The lines behind a `$ `, those that a backslash breaks put together."""
    lines = console.replace("\\\n", " ").splitlines()
    return [" ".join(line[2:].split()) for line in lines if line.startswith("$ ")]


def steps() -> list[tuple[str, str]]:
    """(kind, text) for everything that can be run, in the README's order."""
    found: list[tuple[str, str]] = []
    for kind, text in BLOCK.findall(README.read_text(encoding="utf-8")):
        if kind == "python":
            found.append((kind, text))
        else:
            found += [(kind, line) for line in commands(text) if line.startswith("resnet-export")]
    return found


STEPS = steps()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the README takes for granted: one network as two checkpoints, class names, and pictures."""
    folder = tmp_path_factory.mktemp("readme")
    spec = ResNetSpec(depth=18, width=8, num_classes=CLASSES, image_size=32, stem="cifar")
    weights = Weights.initial(spec, seed=1)
    weights.save(folder / "checkpoint.pth")
    from resnet_export.models.keras import save

    save(weights, folder / "checkpoint.keras")
    (folder / "labels.txt").write_text("".join(f"class {index}\n" for index in range(CLASSES)), encoding="utf-8")
    (folder / "photos").mkdir()
    generator = np.random.default_rng(0)
    for index in range(3):
        pixels = generator.integers(0, 256, (40, 48, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "photos" / f"{index}.png")
    return folder


def test_there_is_something_to_run() -> None:
    kinds = [kind for kind, _ in STEPS]
    assert kinds.count("console") >= 3
    assert kinds.count("python") >= 2


@pytest.fixture(scope="module")
def steps_of_one_process() -> Iterator[Worker]:
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    path = os.pathsep.join((str(BIN), os.environ.get("PATH", "")))
    environment = {"PYTHONPATH": os.pathsep.join(paths), "PATH": path}
    with Worker("tests.readme_steps:Steps", environment=environment) as worker:
        yield worker


def case(number: int, kind: str, text: str) -> Any:
    """A step; those with the network of full size are long."""
    full_size = "resnet18.onnx" in text or text == "resnet-export --framework keras"
    return pytest.param(kind, text, id=f"{number}-{kind}", marks=[pytest.mark.long] * full_size)


@pytest.mark.parametrize(("kind", "text"), [case(number, *step) for number, step in enumerate(STEPS)])
def test_works_as_shown(kind: str, text: str, folder: Path, steps_of_one_process: Worker) -> None:
    program, *arguments = shlex.split(text) if kind == "console" else (None, text)
    assert steps_of_one_process.call("run", str(folder), program, arguments, doing=text) == ""


def test_the_installed_program_by_itself(folder: Path) -> None:
    """The first command once more, as a shell runs it."""
    command = next(text for kind, text in STEPS if kind == "console" and "--framework torch" in text)
    program, *arguments = shlex.split(command.replace("from_torch.onnx", "by_itself.onnx"))
    done = subprocess.run([BIN / program, *arguments], cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert (folder / "by_itself.onnx").read_bytes() == (folder / "from_torch.onnx").read_bytes()


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_what_it_links_to_is_there(page: Path) -> None:
    links = [link.partition("#")[0] for link in LINK.findall(page.read_text(encoding="utf-8"))]
    missing = [link for link in links if link and not link.startswith("http") and not (page.parent / link).exists()]
    assert missing == []


def test_both_frameworks_gave_the_same_file(folder: Path) -> None:
    """Comes last: it reads what the commands wrote."""
    first, second = folder / "from_torch.onnx", folder / "from_keras.onnx"
    if not first.exists() or not second.exists():
        pytest.skip("the commands of the README did not run in this session")
    assert first.read_bytes() == second.read_bytes()
