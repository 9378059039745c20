from __future__ import annotations

import sys
from pathlib import Path

import pytest

from resnet_export.machine.distributions import (
    PREFIXES,
    Distribution,
    onnxruntime_cure,
    read_distributions,
    read_onnxruntimes,
)
from resnet_export.machine.tested import SAME, TESTED
from tests.doctor.examples import install

CONSTRAINTS = Path(__file__).parent.parent.parent / "constraints.txt"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all that Python looks for packages in."""
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    return tmp_path


def test_the_tested_ones_are_those_of_the_constraints() -> None:
    lines = (line.partition("==") for line in CONSTRAINTS.read_text().splitlines() if not line.startswith("#"))
    pinned = {name: version for name, _, version in lines}
    assert {name: pinned.get(name) for name in TESTED} == TESTED
    assert {name for name in pinned if name.startswith(PREFIXES)} <= TESTED.keys()
    assert set(SAME.values()) <= TESTED.keys()
    assert not SAME.keys() & TESTED.keys()


def test_reads_what_matters_only(site: Path) -> None:
    install(site, "torch", f"{TESTED['torch']}+cpu")
    install(site, "ml_dtypes", "0.1.0")
    install(site, "tensorflow", TESTED["tensorflow-cpu"])
    install(site, "onnxruntime-ep-of-someone", "0.1", "onnxruntime_ep_of_someone/__init__.py")
    install(site, "requests", "2.0")
    assert read_distributions() == (
        Distribution("ml-dtypes", "0.1.0", TESTED["ml-dtypes"]),
        Distribution("onnxruntime-ep-of-someone", "0.1", None),
        Distribution("tensorflow", TESTED["tensorflow-cpu"], TESTED["tensorflow-cpu"]),
        Distribution("torch", f"{TESTED['torch']}+cpu", TESTED["torch"]),
    )
    assert [found.as_tested for found in read_distributions()] == [False, False, True, True]


def test_what_a_broken_removal_leaves_is_no_distribution(site: Path) -> None:
    (site / "torch-2.0.dist-info").mkdir()
    (site / "torch-2.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\n")
    assert read_distributions() == ()


def test_one_onnxruntime(site: Path) -> None:
    install(site, "onnxruntime-gpu", "1.31.1", "onnxruntime/__init__.py")
    install(site, "onnxruntime-ep-webgpu", "0.4.0", "onnxruntime_ep_webgpu/__init__.py")
    install(site, "onnxruntime-extensions", "0.14", "onnxruntime_extensions/__init__.py")
    assert read_onnxruntimes() == {"onnxruntime-gpu": "1.31.1"}


def test_two_onnxruntimes(site: Path) -> None:
    install(site, "onnxruntime", "1.30.0", "onnxruntime/__init__.py")
    install(site, "onnxruntime_openvino", "1.24.0", "onnxruntime/__init__.py")
    assert read_onnxruntimes() == {"onnxruntime": "1.30.0", "onnxruntime-openvino": "1.24.0"}
    assert [found.name for found in read_distributions()] == ["onnxruntime", "onnxruntime-openvino"]


def test_without_a_record_the_name_tells(site: Path) -> None:
    for name in ("onnxruntime", "onnxruntime-directml", "onnxruntime-training-cpu-of-someone", "ort-nightly-gpu"):
        install(site, name, "1.0")
    assert list(read_onnxruntimes()) == ["onnxruntime", "onnxruntime-directml", "ort-nightly-gpu"]


@pytest.mark.parametrize(
    ("installed", "cure"),
    [
        (
            {"onnxruntime": "1.30.0", "onnxruntime-gpu": "1.31.1"},
            ("pip uninstall -y onnxruntime onnxruntime-gpu", "pip install onnxruntime-gpu==1.31.1"),
        ),
        (
            {"onnxruntime": "1.30.0", "onnxruntime-openvino": "1.24.0"},
            ("pip uninstall -y onnxruntime onnxruntime-openvino", "pip install onnxruntime-openvino==1.24.0"),
        ),
        (
            {"onnxruntime-directml": "1.2", "onnxruntime-gpu": "1.31.1"},
            ("pip uninstall -y onnxruntime-directml onnxruntime-gpu", "pip install onnxruntime-gpu==1.31.1"),
        ),
    ],
)
def test_the_cure_leaves_one(installed: dict[str, str], cure: tuple[str, str]) -> None:
    assert onnxruntime_cure(installed) == cure
