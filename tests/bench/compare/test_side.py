"""Reading the sides of a comparison."""

from __future__ import annotations

import sys
import venv
from typing import TYPE_CHECKING

import pytest

from resnet_export import __version__
from resnet_export.bench.compare.side import read_sides
from resnet_export.errors import MissingDependencyError, ModelError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_what_b_leaves_out_is_a_s(net: Path) -> None:
    a, b = read_sides(f"model={net},runtime=ort:cpu,optimization=basic,threads=2,batch=3", "optimization=extended")
    assert (a.case.runtime, b.case.runtime) == ("ort:cpu,optimization=basic", "ort:cpu,optimization=extended")
    assert {(side.case.model.path, side.case.threads, side.case.batch) for side in (a, b)} == {(str(net), 2, 3)}
    assert (a.python, b.python) == (None, None)


def test_options_are_inherited_by_the_same_runtime_only(net: Path) -> None:
    a, b = read_sides(f"model={net},optimization=basic,threads=2,batch=3", "runtime=synthetic,latency_ms=1")
    assert a.case.runtime == "ort:cpu,optimization=basic"
    assert (b.case.runtime, b.case.batch) == ("synthetic,latency_ms=1", 3)
    assert (a.case.threads, b.case.threads) == (2, None), "the synthetic runtime has no choice of threads"


def test_the_batch_is_the_file_s_own_where_it_has_one(make_net: Callable[..., Path]) -> None:
    a, b = read_sides(f"model={make_net(4)}", "threads=1")
    assert (a.case.batch, b.case.batch) == (4, 4)


def test_every_key(net: Path) -> None:
    a, _ = read_sides(f"model={net},runtime=ort:cpu,batch=2,threads=1,io=device,allow_fallback=true", "batch=1")
    assert (a.case.io, a.case.allow_fallback) == ("device", True)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ("runtime=ort:cpu", "batch=1", r"A names no model\.\nWrite model=FILE"),
        ("NET", "batch=1", r"'net.onnx' is no option of A\.\nWrite key=value with commas"),
        ("model=NET", "", r"'' is no option of B\."),
        ("model=NET", "batch=", r"'batch=' is no option of B\."),
        (
            "modle=NET,model=NET",
            "batch=1",
            r"A has no key 'modle'\.\nDid you mean model\? With ort:cpu there are model, ",
        ),
        ("model=NET", "thread=2", r"B has no key 'thread'\.\nDid you mean threads\?"),
        ("model=NET", "optimisation=basic", r"B has no key 'optimisation'\.\nDid you mean optimization\?"),
        ("model=NET,batch=1,batch=2", "batch=1", r"A is given batch twice\."),
        ("model=NET", "batch=0", r"B has an invalid value: Expected `int` >= 1 - at `\$\.batch`\."),
        ("model=NET", "threads=two", r"B has an invalid value: Expected `int \| null`, got `str` - at `\$\.threads`\."),
        ("model=NET", "io=gpu", r"B has an invalid value: Invalid enum value 'gpu' - at `\$\.io`\."),
        (
            "model=NET",
            "allow_fallback=perhaps",
            r"B has an invalid value: Expected `bool`, got `str` - at `\$\.allow_fallback`\.",
        ),
        ("model=NET", "runtime=sinthetic", r"There is no runtime 'sinthetic'\.\nDid you mean synthetic\?"),
        ("model=NET", "runtime=synthetic,threads=2", r"synthetic has no choice of threads\."),
        ("model=NET", "optimization=much", r"ort:cpu,optimization=much is none of its values\."),
        ("model=NET", "python=no/python", r"python=no/python of B is no interpreter that can be run\."),
    ],
)
def test_invalid_sides(
    a: str, b: str, message: str, net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(net.parent)
    with pytest.raises(UsageError, match=message):
        read_sides(a.replace("NET", "net.onnx"), b)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(ModelError, match=r"There is no file no\.onnx"):
        read_sides("model=no.onnx", "batch=1")


def test_a_batch_that_the_file_forbids(make_net: Callable[..., Path]) -> None:
    with pytest.raises(ModelError, match="takes batches of 4 only, and batch 2 was asked for"):
        read_sides(f"model={make_net(4)}", "batch=2")


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with nothing in it."""
    folder = tmp_path_factory.mktemp("environments") / "empty"
    venv.create(folder, symlinks=sys.platform != "win32")
    return folder


class TestPython:
    @staticmethod
    def interpreter(folder: Path) -> Path:
        return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")

    @staticmethod
    def packages(folder: Path) -> Path:
        (found,) = folder.rglob("site-packages")
        return found

    def test_the_own_interpreter_is_no_other(self, net: Path) -> None:
        _, b = read_sides(f"model={net}", f"python={sys.executable}")
        assert b.python is None

    @pytest.mark.parametrize("as_folder", [True, False])
    def test_without_this_package(self, net: Path, empty: Path, as_folder: bool) -> None:
        python = self.interpreter(empty)
        with pytest.raises(MissingDependencyError) as raised:
            read_sides(f"model={net}", f"python={empty if as_folder else python}")
        assert raised.value.message == f"{python} cannot import resnet-export, which measures there."
        assert raised.value.hint == f"Install it with: {python} -m pip install resnet-export=={__version__}"

    def test_packages_of_the_working_folder_and_of_pythonpath_are_not_the_environment_s(
        self, net: Path, empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "resnet_export.py").write_text(f"__version__ = {__version__!r}\n")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        with pytest.raises(MissingDependencyError):
            read_sides(f"model={net}", f"python={self.interpreter(empty)}")

    def test_another_version_of_this_package(self, net: Path, tmp_path: Path) -> None:
        venv.create(tmp_path / "old", symlinks=sys.platform != "win32")
        (self.packages(tmp_path / "old") / "resnet_export.py").write_text("__version__ = '0.0.1'\n")
        with pytest.raises(MissingDependencyError, match=rf"has resnet-export 0\.0\.1, and this is {__version__}"):
            read_sides(f"model={net}", f"python={self.interpreter(tmp_path / 'old')}")

    def test_what_is_no_python(self, net: Path, tmp_path: Path) -> None:
        program = tmp_path / "python"
        program.write_text("#!/bin/sh\necho no\n")
        program.chmod(0o755)
        with pytest.raises(UsageError, match="does not answer as a Python interpreter does"):
            read_sides(f"model={net}", f"python={program}")
