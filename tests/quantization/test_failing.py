"""What goes wrong midway: an interruption, a full disk, too little memory; and how much memory is enough."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import resnet_export
from resnet_export import quantize

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.usefixtures("timed")]
posix = pytest.mark.skipif(sys.platform == "win32", reason="resource limits are POSIX's")
LIMITED = """
import contextlib, os, resource, signal, sys
import click
import onnxruntime
from resnet_export.cli import failing
from resnet_export import quantize

stage, kind, source, pictures, target = sys.argv[1:]

@contextlib.contextmanager
def progress(name):
    if name == stage and kind == "disk":
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
    elif name == stage:
        used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 2**20, used + 2**20))
    yield

try:
    with failing.reported(debug=False):
        quantize(source, target, calibrate=pictures, samples=64, progress=progress)
except click.exceptions.Exit as left:
    sys.exit(left.exit_code)
"""
PEAK = """
import sys
from resnet_export import quantize
from resnet_export.bench.memory import peak_rss

source, pictures, samples, target = sys.argv[1:]
report = quantize(source, target, calibrate=pictures, samples=int(samples), target="tensorrt")
print(report.quantization.calibration_pictures, peak_rss())
"""


def program(text: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(resnet_export.__file__).parents[1])}
    command = [sys.executable, "-c", text, *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("stage", ["prepare", "calibrate", "layers", "prove ort:cpu"])
def test_an_interruption_leaves_the_old_file_and_nothing_else(
    stage: str, net: Path, colours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextlib.contextmanager
    def progress(name: str) -> Iterator[None]:
        if name == stage:
            raise KeyboardInterrupt
        yield

    target, scratch = tmp_path / "int8.onnx", tmp_path / "scratch"
    target.write_bytes(b"the old file")
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    with pytest.raises(KeyboardInterrupt):
        quantize(net, target, calibrate=colours, samples=16, force=True, progress=progress)
    assert target.read_bytes() == b"the old file"
    assert list(scratch.iterdir()) == []


@posix
@pytest.mark.parametrize("stage", ["prepare", "calibrate"])
def test_a_disk_that_is_full(stage: str, net: Path, colours: Path, tmp_path: Path) -> None:
    """A real limit on the size of files: of the prepared pictures, or of a file that is tried."""
    done = program(LIMITED, stage, "disk", net, colours, tmp_path / "int8.onnx")
    assert done.returncode == 5
    assert "cannot be written: File too large." in done.stderr
    assert "Free some space" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux says how much memory is used")
def test_too_little_memory(net: Path, colours: Path, tmp_path: Path) -> None:
    done = program(LIMITED, "calibrate", "memory", net, colours, tmp_path / "int8.onnx")
    assert done.returncode == 5
    assert "memory" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_memory_does_not_grow_with_the_pictures(net: Path, tmp_path: Path) -> None:
    """All values of 2,000 pictures would be 2 GB."""
    pixels = np.random.default_rng(0).integers(0, 256, (2752, 32, 32, 3), np.uint8)
    np.savez(tmp_path / "pictures.npz", images=pixels)
    peaks = {}
    for samples in (64, 2000):
        done = program(PEAK, net, tmp_path / "pictures.npz", samples, tmp_path / f"{samples}.onnx")
        assert done.returncode == 0, done.stderr
        count, peak = map(int, done.stdout.splitlines()[-1].split())
        assert count == samples
        peaks[samples] = peak
    assert peaks[2000] - peaks[64] <= 200 * 2**20
