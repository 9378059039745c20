"""Interrupts `bench` at random moments beside a busy process: one line, exit code 130, and a journal that goes on.

    python benchmarks/interruptions.py [--times N] [--seed N] [--signal SIGINT]

A run of two cases takes six seconds; the moments are from 0.05 s to its end. Each is the start of a run that is left
alone, which has to go on from what the journal has. The exit code is 1 where something else came.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from resnet_export import ResNetSpec, export
from resnet_export.files import CACHE_VARIABLE
from resnet_export.models.torch import build

BUSY = "while True: pass"
EARLIEST, LATEST = 0.05, 7.0
"""Seconds from the start of the process."""


def main() -> None:
    """Interrupts, prints what came, and leaves with 1 where it was something else."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--signal", default="SIGINT", choices=["SIGINT", "SIGTERM"])
    options = parser.parse_args()
    chance = random.Random(options.seed)
    busy = subprocess.Popen([sys.executable, "-c", BUSY])
    wrong = 0
    try:
        with tempfile.TemporaryDirectory() as folder:
            spec = ResNetSpec(width=8, image_size=32, stem="cifar")
            export(build(spec), Path(folder, "net.onnx"), verify=False)
            for number in range(options.times):
                moment = chance.uniform(EARLIEST, LATEST)
                found, faults = interrupt(Path(folder), moment, getattr(signal, options.signal))
                wrong += bool(faults)
                print(f"{number:3} after {moment:.2f} s: {found}{''.join(f'; {one}' for one in faults)}", flush=True)
    finally:
        busy.kill()
        busy.wait()
    print(f"{options.times - wrong} of {options.times} as they should be")
    sys.exit(bool(wrong))


def interrupt(folder: Path, moment: float, kind: signal.Signals) -> tuple[str, list[str]]:
    """One interruption: what came, and what is wrong with it."""
    output, cache = folder / "out.json", folder / "cache"
    output.unlink(missing_ok=True)
    shutil.rmtree(cache, ignore_errors=True)
    command = [sys.executable, "-m", "resnet_export", "bench", "net.onnx", "--batch", "1,2", "--seconds", "6"]
    command += ["--output", output.name]
    environment = os.environ | {CACHE_VARIABLE: str(cache)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": folder, "env": environment}
    with subprocess.Popen(command, start_new_session=True, **pipes) as process:  # type: ignore[call-overload]
        time.sleep(moment)
        os.killpg(process.pid, kind)  # as a terminal does
        stdout, stderr = process.communicate(timeout=60)
    lines = stderr.splitlines()
    code = process.returncode
    faults = []
    if code == 0 and not (stdout and output.exists()):
        faults.append("exit code 0 without a result")
    if code not in (0, 130):
        faults.append(f"exit code {code}")
    if code == 130 and not (len(lines) == 1 and lines[0].startswith("interrupted; ")):
        faults.append(f"{len(lines)} lines: {lines}")
    journals = [one.read_bytes().splitlines() for one in cache.glob("bench/*.journal")]
    finished = len(journals[0]) - 1 if journals else 0  # its first line is of the plan
    if code == 130 and finished > 0:
        again = subprocess.run(command, timeout=120, check=False, **pipes)  # type: ignore[call-overload]
        if again.returncode or f"resumed: {finished} of 2 cases" not in again.stderr:
            faults.append(f"does not go on: exit code {again.returncode}, {again.stderr}")
    return f"exit code {code}, {lines[-1] if lines else 'no line'}", faults


if __name__ == "__main__":
    main()
