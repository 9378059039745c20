"""`resnet-export SOURCE`: a positional source is that of `--weights`, and never hides a misspelt command."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from tests.cli.conftest import Pipeline


@pytest.mark.parametrize(
    "words",
    [
        ["my.keras"],
        ["my.keras", "--batch", "2"],
        ["--batch", "2", "my.keras"],
        ["export", "my.keras"],
        ["--weights", "my.keras"],
        ["export", "--weights", "my.keras"],
    ],
)
def test_it_is_the_source_wherever_it_stands(
    words: list[str], pipeline: Pipeline, invoke: Callable[..., Result]
) -> None:
    done = invoke(*words)
    assert done.exit_code == 0, done.output
    assert pipeline.source == "my.keras"
    assert pipeline.options["batch"] == (2 if "--batch" in words else None)


@pytest.mark.parametrize("source", ["IMAGENET1K_V1", "folder/checkpoint", "epoch=12.ckpt"])
def test_published_names_and_paths_are_sources(
    source: str, pipeline: Pipeline, invoke: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = importlib.import_module("resnet_export.cli.export")
    monkeypatch.setattr(command, "_fetch_published", lambda weights, depth: None)
    assert invoke(source).exit_code == 0
    assert pipeline.source == source


def test_a_file_without_a_suffix_is_a_source(
    pipeline: Pipeline, invoke: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "checkpoint").write_bytes(b"")
    assert invoke("checkpoint").exit_code == 0
    assert pipeline.source == "checkpoint"


def test_the_name_of_a_command_wins_over_a_file(
    pipeline: Pipeline, invoke: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "verify").write_bytes(b"")
    assert "Missing argument" in invoke("verify").output
    assert invoke("./verify").exit_code == 0
    assert pipeline.source == "./verify"


def test_a_misspelt_command_is_none(pipeline: Pipeline, invoke: Callable[..., Result]) -> None:
    done = invoke("verfy", "net.onnx")
    assert done.exit_code == 2
    assert "Did you mean 'verify'?" in done.output
    assert not pipeline.calls


def test_it_is_given_once(pipeline: Pipeline, invoke: Callable[..., Result]) -> None:
    done = invoke("my.keras", "--weights", "other.keras")
    assert done.exit_code == 2
    assert "SOURCE and --weights are the same: give one of them." in " ".join(done.output.split())
    assert not pipeline.calls
