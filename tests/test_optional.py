from __future__ import annotations

import importlib
import importlib.metadata
import json
import re
import sys
import tomllib
from pathlib import Path

import pytest

from resnet_export.errors import MissingDependencyError
from resnet_export.optional import EXTRAS, KNOWN_BAD, install_line, refuse_known_bad, require

PROJECT = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]

NAMED_OTHERWISE = {
    "tensorflow": {"tensorflow", "tensorflow-cpu"},
    "cv2": {"opencv-python-headless"},
    "MNN": {"mnn"},
    "ai_edge_litert": {"ai-edge-litert"},
}
"""Import name -> distributions."""


def distributions(requirements: list[str]) -> set[str]:
    return {re.split(r"[^\w-]", requirement)[0] for requirement in requirements}


def test_require_imports_modules_too() -> None:
    assert require("json") is json
    assert require("importlib.metadata") is importlib.metadata


@pytest.mark.parametrize(("name", "extra"), EXTRAS.items())
def test_what_is_missing_is_named_with_its_pip_line(name: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)  # what Python itself takes for "cannot be imported"
    with pytest.raises(MissingDependencyError) as caught:
        require(name)
    assert caught.value.message == f"{name} is needed for this and cannot be imported: {name} is not installed."
    assert caught.value.hint == f'Install it with: pip install "resnet-export[{extra}]"'
    assert caught.value.exit_code == 4
    assert isinstance(caught.value, ImportError)


def test_a_package_that_itself_lacks_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_package_of_the_test.py").write_text("import what_it_needs.part")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingDependencyError, match="what_it_needs is not installed"):
        require("broken_package_of_the_test")


def test_an_error_inside_a_package_is_not_called_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "failing_package_of_the_test.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ZeroDivisionError):
        require("failing_package_of_the_test")


def test_the_pip_line_of_what_is_in_no_extra() -> None:
    assert install_line("iree") == "pip install iree"
    assert install_line("tf2onnx.tfonnx") == 'pip install "resnet-export[keras]"'


def test_extras_bring_what_is_said_of_them() -> None:
    for name, extra in EXTRAS.items():
        names = NAMED_OTHERWISE.get(name, {name})
        assert names <= distributions(PROJECT["optional-dependencies"][extra])
        assert not names & distributions(PROJECT["dependencies"])


@pytest.mark.parametrize(("distribution", "release"), [(d, r) for d, (rs, _, _) in KNOWN_BAD.items() for r in rs])
def test_known_bad_releases(distribution: str, release: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "version", {distribution: release}.__getitem__)
    for refuse in (refuse_known_bad, require):
        with pytest.raises(MissingDependencyError) as caught:
            refuse(distribution)
        assert caught.value.message.startswith(
            f"{distribution} {release} is installed, a release that gives wrong files: "
        )
        assert caught.value.hint == f"Replace it with: {KNOWN_BAD[distribution][2]}"
        assert caught.value.exit_code == 4


def test_onnxscript_is_refused_before_and_not_after_its_repair(monkeypatch: pytest.MonkeyPatch) -> None:
    assert KNOWN_BAD["onnxscript"][0] == ("0.5.4", "0.5.5", "0.5.6")
    assert "onnxscript>=0.5.7" in PROJECT["optional-dependencies"]["torch"]
    for release in ("0.5.3", "0.5.7", "0.6.0"):
        monkeypatch.setattr(importlib.metadata, "version", {"onnxscript": release}.__getitem__)
        refuse_known_bad("onnxscript")


def test_what_is_not_installed_is_not_known_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", absent)
    refuse_known_bad("onnxscript")
    refuse_known_bad("numpy")
