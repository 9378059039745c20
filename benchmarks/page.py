"""The page of ResNet-18 in docs/: what `resnet-export bench --output` makes of a plan that has every scenario.

    python benchmarks/page.py [--seconds N] [--output FILE]

Exports the file first. The plan is benchmarks/resnet18.toml.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PLAN = Path(__file__).with_name("resnet18.toml")
PAGE = Path(__file__).parents[1] / "docs" / "resnet18.html"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure ResNet-18 in every scenario, and write the page.")
    parser.add_argument("--seconds", metavar="N", help="how long to measure, in place of what the plan says")
    parser.add_argument("--output", type=Path, default=PAGE, metavar="FILE", help="the page")
    options = parser.parse_args()
    length = [] if options.seconds is None else ["--seconds", options.seconds]
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(PLAN, folder)
        for arguments in (
            ["--framework", "torch"],
            [
                "bench",
                "--plan",
                PLAN.name,
                *length,
                "--output",
                str(options.output.resolve()),
                "--force",
                "--verbose",
            ],
        ):
            subprocess.run([sys.executable, "-m", "resnet_export", *arguments], cwd=folder, check=True)


if __name__ == "__main__":
    main()
