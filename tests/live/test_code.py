"""The user's own code gives the model, and each of its failures has a next step."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from torch import nn

from resnet_export.errors import InputError, UsageError
from resnet_export.live import code

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NETS = """
import argparse
import torch
from torch import nn
from neighbour import CLASSES

class Own(nn.Module):
    def __init__(self, classes=CLASSES):
        super().__init__()
        self.fc = nn.Linear(2, classes)

class Holder:
    ready = Own(3)

def build():
    return Own(4)

def sized(classes):
    return Own(classes)

def fails():
    return torch.load("nowhere.pth")

def parses():
    argparse.ArgumentParser().parse_args(["--unknown"])

def checkpoint():
    return {"state_dict": Own().state_dict()}

number = 3
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory, with the user's modules."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    (tmp_path / "nets.py").write_text(NETS)
    (tmp_path / "neighbour.py").write_text("CLASSES = 5\n")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "inner.py").write_text("from torch import nn\nbuild = lambda: nn.Linear(1, 6)\n")
    (tmp_path / "broken.py").write_text("import torch\n1 / 0\n")
    (tmp_path / "needs.py").write_text("import a_package_that_nobody_has\n")
    (tmp_path / "torch.py").write_text("from nets import build\n")
    yield tmp_path
    for name in set(sys.modules) - before:
        if not name.startswith(("torch", "keras", "resnet_export")):
            del sys.modules[name]


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("nets:build", 4),
        ("nets:Own", 5),
        ("nets:Holder.ready", 3),
        ("nets.py:build", 4),
        ("./nets.py:Own", 5),
        ("package.inner:build", 6),
        ("package/inner.py:build", 6),
    ],
)
def test_functions_classes_and_models(text: str, classes: int) -> None:
    model = code.load(text)
    assert isinstance(model, nn.Module)
    assert getattr(model, "fc", model).out_features == classes


def test_a_torchvision_that_does_not_fit_torch(folder: Path) -> None:
    """Its import fails until its operators are declared; here it fails once."""
    (folder / "late.py").write_text(
        "from pathlib import Path\nfrom nets import build\n"
        "if not Path('tried').exists():\n    Path('tried').touch()\n"
        "    raise RuntimeError('operator torchvision::nms does not exist')\n"
    )
    for text in ("late:build", "late.py:build"):
        assert code.load(text).fc.out_features == 4
        (folder / "tried").unlink()


def test_a_file_with_the_name_of_a_library(folder: Path) -> None:
    before = sys.modules["torch"]
    assert code.load(f"{folder}/torch.py:build").fc.out_features == 4
    assert sys.modules["torch"] is before


def test_a_file_in_another_folder_has_its_neighbours(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder / "package")
    assert code.load("../nets.py:build").fc.out_features == 4


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("nets", "'nets' does not say what is to be called.", "Write it as package.module:function or as file.py"),
        (":build", "':build' does not say what is to be called.", "Write it as"),
        ("missing:build", "There is no module missing: it is neither in this folder nor installed.", "Change"),
        ("missing.inner:build", "There is no module missing: it is", "Change into the folder"),
        ("package.missing:build", "There is no module package.missing: it is", "Change into the folder"),
        ("missing.py:build", "There is no file missing.py.", "Check the path."),
        ("nets:biuld", "nets has no 'biuld'.", "Did you mean build? Name a function"),
        ("nets:Holder.other", "nets has no 'Holder.other'.", "Did you mean Holder? "),
        ("nets:number", "nets:number is an object of type int, which can't be called.", "Name a function or class"),
        ("nets:sized", "nets:sized can't be called without arguments: missing a required argument: 'classes'.", ""),
    ],
)  # fmt: skip
def test_what_is_not_meant_as_given(text: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        code.load(text)
    assert caught.value.message.startswith(message)
    assert str(caught.value.hint).startswith(hint)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("broken:build", "Importing broken failed: ZeroDivisionError: division by zero (broken.py, line 2: 1 / 0)"),
        ("broken.py:build", "Importing broken.py failed: ZeroDivisionError: division by zero (broken.py, line 2: 1 /"),
        ("needs:build", "Importing needs failed: ModuleNotFoundError: No module named 'a_package_that_nobody_has' ("),
        ("nets:fails", "Calling nets:fails failed: FileNotFoundError: [Errno 2] No such file or directory: 'nowhere."),
        ("nets:parses", "Calling nets:parses failed: SystemExit: 2 ("),
        ("nets:checkpoint", "nets:checkpoint gives an object of type dict, and no model."),
    ],
)  # fmt: skip
def test_code_that_fails(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        code.load(text)
    assert caught.value.message.startswith(message)
    assert caught.value.hint
    assert caught.value.exit_code == 3
