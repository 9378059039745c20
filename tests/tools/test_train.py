"""`tools/train.py`, as people run it: on a few digits, with networks of 8 channels."""

from __future__ import annotations

import csv
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from training import idx
from training.data import load
from training.loop import Epoch
from training.schedule import rate
from training.settings import Settings

from resnet_export.sources import load as load_source
from resnet_export.sources.preparation import preparation_of
from resnet_export.weights.formats import read_contents

if TYPE_CHECKING:
    from collections.abc import Sequence

SCRIPT = Path(__file__).parents[2] / "tools" / "train.py"
QUICK = ("--data", "digits", "--width", "8", "--first", "160", "--batch-size", "32", "--epochs", "3", "--device", "cpu")
SUFFIXES = {"torch": ".safetensors", "keras": ".keras"}


def command(framework: str, output: Path, *options: str, quick: Sequence[str] = QUICK) -> list[str]:
    return [sys.executable, str(SCRIPT), "--framework", framework, *quick, "--output", str(output), *options]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, capture_output=True, text=True, timeout=900)


def kill_after_first_epoch(arguments: list[str], checkpoint: Path) -> None:
    """Kills the training with signal 9 in its second epoch."""
    with subprocess.Popen(arguments, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as training:
        while not checkpoint.exists():
            assert training.poll() is None, "it ended before it was killed"
            time.sleep(0.005)
        training.kill()
    assert training.returncode == -9


@pytest.mark.long
@pytest.mark.parametrize("framework", ["torch", "keras"])
def test_a_killed_and_resumed_training_gives_the_same_bits(framework: str, tmp_path: Path) -> None:
    whole, broken = (tmp_path / f"{name}{SUFFIXES[framework]}" for name in ("whole", "broken"))
    done = run(*command(framework, whole))
    assert done.returncode == 0, done.stderr
    assert not Path(f"{whole}.checkpoint").exists()
    kill_after_first_epoch(command(framework, broken), Path(f"{broken}.checkpoint"))
    assert not broken.exists()
    resumed = run(*command(framework, broken, "--resume"))
    assert resumed.returncode == 0, resumed.stderr
    first, second = read_contents(whole).tensors, read_contents(broken).tensors
    assert {name: array.tobytes() for name, array in first.items()} == {n: a.tobytes() for n, a in second.items()}

    rows = list(csv.DictReader(whole.with_suffix(".csv").read_text().splitlines()))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert whole.with_suffix(".svg").read_text().startswith("<svg ")

    # What resnet-export reads has all that it needs.
    trained = load_source(whole)
    assert trained.assumptions == ()
    assert trained.labels == tuple("0123456789")
    preparation, origin, known = preparation_of(trained)
    assert preparation == load("digits", None, None).first(160).preparation
    assert origin.startswith("the training's")
    assert {"mean", "std", "resize", "interpolation"} <= known


@pytest.mark.long
def test_resuming_is_refused_without_a_checkpoint_and_with_other_options(tmp_path: Path) -> None:
    output = tmp_path / "x.safetensors"
    missing = run(*command("torch", output, "--resume"))
    assert missing.returncode == 2
    assert "There is no checkpoint" in missing.stderr
    kill_after_first_epoch(command("torch", output), Path(f"{output}.checkpoint"))
    other = run(*command("torch", output, "--resume", "--seed", "5"))
    assert other.returncode == 2
    assert "is of a training with --seed 0" in other.stderr
    again = run(*command("torch", output))
    assert again.returncode == 2
    assert "Give --resume to go on with it" in again.stderr


def test_both_frameworks_get_the_same_batches() -> None:
    data = load("digits", None, None)
    one, other = (Epoch(data, Settings(framework), 2) for framework in ("torch", "keras"))
    for (images, labels), (same, equal) in ((one[step], other[step]) for step in range(3)):
        assert images.tobytes() == same.tobytes()
        assert np.array_equal(labels, equal)


def test_the_schedules() -> None:
    assert rate("constant", 2.0, 7, 10) == 2.0
    assert rate("cosine", 2.0, 5, 10) == pytest.approx(1.0)
    assert rate("one-cycle", 1.0, 0, 10) == pytest.approx(1 / 25)
    assert rate("one-cycle", 1.0, 3, 10) == pytest.approx(1.0)
    assert rate("one-cycle", 1.0, 10, 10) == pytest.approx(1e-4)


@pytest.mark.long
@pytest.mark.skipif(not idx.DEBIAN.exists(), reason="apt-get install dataset-fashion-mnist")
def test_the_loss_falls_on_fashion_mnist(tmp_path: Path) -> None:
    output = tmp_path / "x.safetensors"
    quick = ("--data", "fashion-mnist", "--first", "3000", "--width", "8", "--epochs", "3", "--batch-size", "64")
    done = run(*command("torch", output, quick=quick))
    assert done.returncode == 0, done.stderr
    losses = [float(row["loss"]) for row in csv.DictReader(output.with_suffix(".csv").read_text().splitlines())]
    assert losses[0] > losses[1] > losses[2]
