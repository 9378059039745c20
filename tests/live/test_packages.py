"""Models that timm and torchvision define, where torchvision's compiled operators don't fit torch."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import pytest
import torch

from resnet_export.errors import MissingDependencyError
from resnet_export.live import packages


@pytest.mark.long
@pytest.mark.parametrize("package", ["timm", "torchvision"])
def test_a_network_is_made_without_the_compiled_operators(package: str) -> None:
    """In a process of its own: whoever imports torchvision first decides for all the others."""
    if find_spec(package) is None or find_spec("torchvision") is None:
        pytest.skip("needs both: pip install --no-deps timm torchvision -c constraints.txt")
    code = (
        "import torch\n"
        "def fails(path): raise OSError('undefined symbol')\n"
        "torch.ops.load_library = fails\n"
        "from resnet_export.live import packages\n"
        f"print(type(packages.load('{package}:resnet18', {{}})).__name__)"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (made.stdout, made.returncode) == ("ResNet\n", 0), made.stderr


def test_operators_that_fit_are_left_to_torchvision(monkeypatch: pytest.MonkeyPatch) -> None:
    if find_spec("torchvision") is None:
        pytest.skip("needs torchvision: pip install --no-deps torchvision -c constraints.txt")
    loaded: list[str] = []
    monkeypatch.setattr(torch.ops, "load_library", loaded.append)
    monkeypatch.setattr(torch.library, "define", lambda *_: pytest.fail("an operator was defined"))
    packages.declare_torchvision_operators()
    assert [path.rpartition("_C")[1] for path in loaded] == ["_C"]


def test_a_package_that_fails_as_it_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as a release for another torch."""
    require = packages.require

    def fails(name: str) -> Any:
        if name == "timm":
            raise AttributeError("module 'torch' has no attribute 'compiler'")
        return require(name)

    monkeypatch.setattr(packages, "require", fails)
    with pytest.raises(MissingDependencyError, match="timm can't be imported: AttributeError: module 'torch'") as found:
        packages.load("timm:resnet18")
    assert str(found.value.hint).endswith("fit each other: pip install --upgrade torch torchvision timm")
