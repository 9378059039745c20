from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from resnet_export.errors import CheckpointError
from resnet_export.weights.formats import read_contents

if TYPE_CHECKING:
    from pathlib import Path

    from resnet_export.weights import Weights


def test_numpy_loads_what_is_written(tmp_path: Path, weights: Weights) -> None:
    weights.save(tmp_path / "m.npz")
    with np.load(tmp_path / "m.npz") as archive:
        assert list(archive) == list(weights)
        for name, array in weights.items():
            np.testing.assert_array_equal(archive[name], array)


def test_the_file_has_no_time_stamp(tmp_path: Path, weights: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    weights.save(tmp_path / "a.npz")
    monkeypatch.setattr("time.time", lambda: 2e9)
    weights.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_suffix_in_capitals_stays(tmp_path: Path, weights: Weights) -> None:
    weights.save(tmp_path / "M.NPZ")
    assert [path.name for path in tmp_path.iterdir()] == ["M.NPZ"]
    assert read_contents(tmp_path / "M.NPZ").tensors.keys() == weights.keys()


def test_pickled_objects_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", a=np.array([{}], dtype=object))
    with pytest.raises(CheckpointError, match="cannot be read as a NumPy archive: Object arrays"):
        read_contents(tmp_path / "m.npz")


def test_a_single_array_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "m.npz").open("wb") as file:
        np.save(file, np.zeros((2, 3)))
    with pytest.raises(CheckpointError, match=r"holds one array of shape \(2, 3\) without a name"):
        read_contents(tmp_path / "m.npz")
