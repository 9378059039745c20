"""Node.js: ONNX Runtime and sharp, which decodes; the client resizes by itself, as Pillow does."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from resnet_export.deploy.target import Client, Takes, Target
from resnet_export.deploy.targets.python import copied
from resnet_export.error_text import error_text
from resnet_export.errors import UnavailableError

INSTALL = ("npm", "ci", "--ignore-scripts")
QUIETLY = ("--no-audit", "--no-fund", "--prefer-offline")
TIMEOUT_S = 600
FILES = ("client.mjs", "selftest.mjs", "prepare.mjs", "resize.mjs", "package.json", "package-lock.json")


def needs() -> None:
    """Finds out whether Node.js is here."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise UnavailableError(
                f"{program} is not here, and the proof runs the bundle's client with it.",
                hint="Install Node.js 20.9 or newer, which brings npm (nodejs.org).",
            )


def install(folder: Path) -> Sequence[str]:
    """Installs what the client needs from the registry, and gives the command of its self-test."""
    npm = shutil.which(INSTALL[0]) or INSTALL[0]
    done = subprocess.run(
        [npm, *INSTALL[1:], *QUIETLY], cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    if done.returncode:
        said = "\n".join(line.removeprefix("npm error ") for line in done.stderr.splitlines() if " code " not in line)
        raise UnavailableError(
            f"npm can't install what the bundle's client needs: {error_text(said)}.",
            hint="The proof needs npm's registry: look whether `npm ping` reaches it.",
        )
    return ["node", "selftest.mjs"]


TARGET = Target(
    writes="the .onnx file; an ES module for Node.js, with package.json",
    proven_by="Node.js with onnxruntime-node and sharp, from npm",
    takes=Takes(precisions=("float32", "float16", "bfloat16", "int8"), pictures=True, channels=(1, 3)),
    write=copied,
    client=Client(
        files={name: f"node/{name}" for name in FILES},
        install=" ".join(INSTALL),
        run="node client.mjs golden/08-colour.jpg",
        self_test="node selftest.mjs",
        prove=install,
        needs=needs,
        leaves=("node_modules",),
    ),
    runtime="ort:cpu",
)
