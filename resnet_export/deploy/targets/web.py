"""Browsers: one static page on ONNX Runtime's WebAssembly, which resizes as Pillow does and works offline."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from resnet_export.deploy.source import Source
from resnet_export.deploy.target import Artefact, Takes, Target
from resnet_export.deploy.targets import node
from resnet_export.deploy.targets.python import copied
from resnet_export.errors import NotApplicableError, UnavailableError

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""Programs that the proof opens the page in: the first of them that is here."""
PAGE = (
    "index.html", "style.css", "app.mjs", "latency.mjs", "offline.mjs", "classifier.mjs", "sw.js",
    "server.mjs", "client.mjs", "package.json", "package-lock.json",
)  # fmt: skip
SHARED = ("prepare.mjs", "resize.mjs", "selftest.mjs")
"""Files of the client in Node.js."""
RUNTIME = (
    "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm",
    "ort.webgpu.bundle.min.mjs", "ort-wasm-simd-threaded.asyncify.wasm",
)  # fmt: skip
"""What a page needs of onnxruntime-web: on the CPU, and on WebGPU."""

DOES = """\
The second command serves the page on this machine: open the address that it prints. Any server will do that sends the
two headers of `server.mjs`. The first command is for the self-test alone; the page itself has all in `ort/`."""


def write(source: Source, folder: Path) -> Sequence[Artefact]:
    """The `.onnx` file as it is."""
    artefacts = copied(source, folder)
    if len(list(folder.iterdir())) > len(artefacts):
        raise NotApplicableError(
            f"{source.path.name} has its numbers in a second file, which the page does not load.",
            hint=f"Write it as one file first: resnet-export {source.path} --output one.onnx",
        )
    return artefacts


def _needs() -> None:
    node.needs()
    if not any(map(shutil.which, BROWSERS)):
        raise UnavailableError(
            "There is no Chromium here, and the proof opens the page in it.",
            hint="Install it, on Debian with: apt-get install chromium",
        )


def _install(folder: Path) -> Sequence[str]:
    """Puts the runtime into the page, and gives the command of its self-test."""
    command = node.install(folder)
    (folder / "ort").mkdir()
    for name in RUNTIME:
        shutil.copyfile(folder / "node_modules" / "onnxruntime-web" / "dist" / name, folder / "ort" / name)
    return command


TARGET = Target(
    writes="the .onnx file; a static page on onnxruntime-web, with a server",
    proven_by="Chromium, by playwright-core; not WebGPU",
    takes=Takes(precisions=("float32", "float16", "int8"), pictures=True, channels=(1, 3)),
    write=write,
    client=replace(
        node.TARGET.client,
        files={name: f"web/{name}" for name in PAGE} | {name: f"node/{name}" for name in SHARED},
        run="node server.mjs",
        does=DOES,
        prove=_install,
        needs=_needs,
    ),
    runtime="ort:cpu",
)
