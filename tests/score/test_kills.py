"""A run that is ended at any moment goes on with the same command, and ends with the rows of an undisturbed one."""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pyarrow.parquet as pq
import pytest

from tests.score.pictures import folder_of

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")
PICTURES = 60


def start(output: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "resnet_export", "score", "net.onnx", "photos", "--output", output]
    return subprocess.Popen([*command, "--part-size", "4"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def finish(output: str) -> list[dict[str, Any]]:
    """The rows, sorted by path, of the parts that the manifest names."""
    process = start(output)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    parts = json.loads(Path(output, "manifest.json").read_bytes())["parts"]
    assert {path.name for path in Path(output).iterdir()} == {".lock", "manifest.json", *(one["file"] for one in parts)}
    found = [row for part in parts for row in pq.read_table(Path(output, part["file"])).to_pylist()]
    return sorted(found, key=lambda row: row["path"])


def parts_of(output: str) -> int:
    with contextlib.suppress(OSError):
        return len(json.loads(Path(output, "manifest.json").read_bytes())["parts"])
    return 0


def wait(process: subprocess.Popen[bytes], until: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while process.poll() is None and not until() and time.monotonic() < end:
        time.sleep(0.002)


def decoders_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        return psutil.Process(process.pid).children()
    return []


def kill(process: subprocess.Popen[bytes], *, decoder: bool) -> None:
    """Ends a decoder, or the program, which runs the network; its decoders end with it."""
    decoders = decoders_of(process)
    if decoder:
        for one in decoders[:1]:
            with contextlib.suppress(psutil.Error):
                one.kill()
        process.communicate(timeout=120)
        return
    process.kill()
    process.communicate(timeout=60)
    psutil.wait_procs(decoders, timeout=10)
    assert not [one for one in decoders if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture
def undisturbed(net: Path) -> list[dict[str, Any]]:
    folder = folder_of(Path("photos"), PICTURES)
    (folder / "broken.jpg").write_bytes(b"")
    found = finish("undisturbed")
    assert len({row["path"] for row in found}) == len(found) == PICTURES + 1
    return found


@pytest.mark.long
def test_kill_in_the_middle(undisturbed: list[dict[str, Any]]) -> None:
    for output, decoder in (("program", False), ("decoder", True)):
        process = start(output)
        wait(process, lambda: parts_of(output) >= 2 and len(decoders_of(process)) > 0)  # noqa: B023
        kill(process, decoder=decoder)
        assert parts_of(output) >= 2
        assert finish(output) == undisturbed


@pytest.mark.long
def test_kill_at_20_random_moments(undisturbed: list[dict[str, Any]]) -> None:
    draw = random.Random(5)
    for number in range(20):
        output = f"out{number}"
        process = start(output)
        wanted, moment = draw.randint(0, 12), draw.uniform(0.0, 0.2)
        wait(process, lambda output=output, wanted=wanted: parts_of(output) >= wanted)
        time.sleep(moment)
        kill(process, decoder=number % 2 == 1)
        assert finish(output) == undisturbed
