"""Trained networks for proofs, in the user's cache: ResNet-18 on Fashion-MNIST, once in each framework.

    make models

A network that is there is left as it is, and a training that was interrupted goes on.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from training.settings import FRAMEWORKS

from resnet_export.files import cache_folder

DATA = "fashion-mnist"


def main() -> int:
    folder = cache_folder() / "models"
    folder.mkdir(parents=True, exist_ok=True)
    for framework, suffixes in FRAMEWORKS.items():
        path = folder / f"{DATA}-{framework}{suffixes[0]}"
        if path.exists():
            print(f"{path} is there")
            continue
        command = [sys.executable, str(Path(__file__).with_name("train.py")), "--framework", framework, "--data", DATA]
        resume = ["--resume"] if path.with_name(f"{path.name}.checkpoint").exists() else []
        start = time.perf_counter()
        status = subprocess.run([*command, "--output", str(path), *resume]).returncode
        if status:
            return status
        print(f"{framework}: {time.perf_counter() - start:.0f} s in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
