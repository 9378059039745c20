"""Checkpoints in folders and in several files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from safetensors.numpy import save_file

from resnet_export.errors import CheckpointError
from resnet_export.weights import Weights

if TYPE_CHECKING:
    from pathlib import Path

INDEX = "model.safetensors.index.json"
PARTS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")


@pytest.fixture
def folder(tmp_path: Path, weights: Weights) -> Path:
    names = list(weights)
    halves = dict(zip(PARTS, (names[:60], names[60:]), strict=True))
    for part, held in halves.items():
        save_file({name: weights[name] for name in held}, tmp_path / part)
    where = {name: part for part, held in halves.items() for name in held}
    (tmp_path / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": where}))
    return tmp_path


@pytest.mark.parametrize("given", ["", INDEX, *PARTS])
def test_all_parts_are_read(folder: Path, weights: Weights, given: str) -> None:
    assert Weights.load(folder / given).digest == weights.digest


def test_parts_without_an_index(folder: Path, weights: Weights) -> None:
    (folder / INDEX).unlink()
    assert Weights.load(folder).digest == weights.digest


@pytest.mark.parametrize("given", ["", INDEX, PARTS[0]])
def test_a_part_that_is_missing_is_named(folder: Path, given: str) -> None:
    (folder / PARTS[1]).unlink()
    with pytest.raises(CheckpointError, match=rf"'{PARTS[1]}' are missing"):
        Weights.load(folder / given)


def test_an_index_that_leads_elsewhere(folder: Path) -> None:
    (folder / INDEX).write_text(json.dumps({"weight_map": {"conv1.weight": "../secret.safetensors"}}))
    with pytest.raises(CheckpointError, match="outside its own folder"):
        Weights.load(folder)


@pytest.mark.parametrize("text", ["", "[]", "{}"])
def test_no_index(folder: Path, text: str) -> None:
    (folder / INDEX).write_text(text)
    with pytest.raises(CheckpointError, match="is no index of a checkpoint"):
        Weights.load(folder / INDEX)


def test_one_checkpoint_in_a_folder(tmp_path: Path, weights: Weights) -> None:
    weights.save(tmp_path / "best.pth")
    (tmp_path / "notes.txt").touch()
    assert Weights.load(tmp_path).digest == weights.digest


def test_a_saved_model(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(CheckpointError, match="is a TensorFlow SavedModel") as caught:
        Weights.load(tmp_path)
    assert "model.save('model.keras')" in str(caught.value.hint)
