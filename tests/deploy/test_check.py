"""A bundle is read by its folder: `verify` and `bench`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from resnet_export.bench.case import expand_cases
from resnet_export.bench.compare.side import read_sides
from resnet_export.bench.profile.profiler import profile
from resnet_export.deploy import deploy
from resnet_export.deploy.check import verify_bundle
from resnet_export.errors import InputError, ModelError, UsageError
from tests.classify.files import LABELS, ours
from tests.deploy.running import multiply_first_weights


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that is left as it is."""
    folder = tmp_path_factory.mktemp("made")
    assert deploy(ours(folder / "net.onnx", labels=LABELS), "ort", folder / "ort").exit_code == 0
    return folder / "ort"


@pytest.fixture
def bundle(made: Path, tmp_path: Path) -> Path:
    """A copy, which may be spoilt."""
    return shutil.copytree(made, tmp_path / "ort")


def test_all_networks_of_a_bundle_are_verified(bundle: Path) -> None:
    report = verify_bundle(bundle)
    assert (report.passed, report.failures, report.notes) == (True, (), ())
    assert [one.runtime for one in report.comparisons] == ["net.onnx in ort:cpu", "net.ort in ort:cpu"]
    assert all(one.batch == 14 and 0 < one.error <= one.bound for one in report.comparisons)
    golden = json.loads((bundle / "golden" / "golden.json").read_text())
    assert [one.bound for one in report.comparisons] == pytest.approx(list(golden["bounds"].values()))


def test_one_network_of_it_in_a_runtime_with_options(bundle: Path) -> None:
    report = verify_bundle(bundle / "net.ort", runtimes=["ort:cpu,threads=1"])
    assert [one.runtime for one in report.comparisons] == ["net.ort in ort:cpu,threads=1"]


def test_a_spoiled_network_fails(bundle: Path) -> None:
    multiply_first_weights(bundle / "net.onnx")
    report = verify_bundle(bundle)
    assert not report.passed
    assert [one.passed for one in report.comparisons] == [False, True]
    (failure,) = report.failures
    assert failure.startswith("net.onnx in ort:cpu: an answer is ")


def test_what_is_no_bundle(bundle: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for reads in (verify_bundle, lambda path: expand_cases([path])):
        with pytest.raises(ModelError, match=r"is a folder, and no bundle: it has no deploy\.json"):
            reads(empty)
        with pytest.raises(ModelError, match="is no network of this bundle"):
            reads(bundle / "client.py")
    (empty / "deploy.json").write_text("{}")
    with pytest.raises(InputError, match="can't be read"):
        verify_bundle(empty)
    (bundle / "net.ort").unlink()
    with pytest.raises(ModelError, match=r"net\.ort is no network of this bundle"):
        verify_bundle(bundle)


def test_another_runtime_than_its_own_is_refused(bundle: Path) -> None:
    with pytest.raises(UsageError, match=r"net\.onnx runs in ort:cpu, not in ort:cuda"):
        expand_cases([bundle], ["ort:cuda"], allow_fallback=True)


def test_a_picture_that_is_decoded_otherwise_is_left_out(bundle: Path) -> None:
    known = bundle / "golden" / "golden.json"
    golden = json.loads(known.read_text())
    golden["pictures"]["08-colour.jpg"]["pixels"] = "0" * 64
    known.write_text(json.dumps(golden))
    report = verify_bundle(bundle)
    assert report.passed
    assert [one.batch for one in report.comparisons] == [13, 13]
    assert report.notes == ("Left out: 08-colour.jpg, which is decoded otherwise here.",)


def test_a_bundle_is_measured(bundle: Path, tmp_path: Path) -> None:
    cases = expand_cases([bundle], threads=[1])
    assert [(case.model.path, case.runtime) for case in cases] == [
        (str(bundle / name), "ort:cpu") for name in ("net.onnx", "net.ort")
    ]
    assert all(case.model.images.shape(1) == (1, 3, 32, 32) for case in cases)
    assert cases[0].model.size == (bundle / "net.onnx").stat().st_size


def test_a_comparison_takes_one_network_of_it(bundle: Path) -> None:
    with pytest.raises(UsageError, match="holds several networks") as caught:
        read_sides(f"model={bundle}", "threads=1")
    assert caught.value.hint == f"Name one: model={bundle / 'net.onnx'}."
    one, other = read_sides(f"model={bundle / 'net.ort'}", f"model={bundle / 'net.onnx'}")
    assert [Path(case.model.path).name for case in (one, other)] == ["net.ort", "net.onnx"]


def test_a_profile_takes_none(bundle: Path) -> None:
    with pytest.raises(UsageError, match=r"is no \.onnx file"):
        profile(bundle / "net.ort")
