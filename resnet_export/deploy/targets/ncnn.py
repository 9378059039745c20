"""ncnn: its own format, in float32 and in float16, for one image a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resnet_export import targets
from resnet_export.deploy.source import Source
from resnet_export.deploy.target import Artefact, Takes, Target
from resnet_export.deploy.targets.python import python_client
from resnet_export.optional import require


def write(source: Source, folder: Path) -> Sequence[Artefact]:
    """The file in ncnn's format, twice."""
    form = replace(source.form, batch=1)
    half = targets.write("ncnn", source.path, folder, half=True)
    for part in (half.with_suffix(".bin"), half):
        half = part.rename(part.with_stem(f"{source.path.stem}-float16"))
    return [
        Artefact(targets.write("ncnn", source.path, folder), form, "float32"),
        Artefact(half, form, "float16"),
    ]


def values(file: Path, image: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Every value of an artefact, for one image."""
    ncnn = require("ncnn")
    net = ncnn.Net()
    net.opt.lightmode = False
    net.load_param(str(file))
    net.load_model(str(file.with_suffix(".bin")))
    extractor = net.create_extractor()
    given = np.ascontiguousarray(image[0])  # ncnn borrows its memory
    extractor.input("in0", ncnn.Mat(given))
    for line in file.read_text(encoding="utf-8").splitlines()[2:]:
        _, _, inputs, outputs, *names = line.split()
        for name in names[int(inputs) : int(inputs) + int(outputs)]:
            failed, value = extractor.extract(name)
            if not failed:
                yield np.array(value)


TARGET = Target(
    writes="param and bin files, in float32 and float16; a Python client",
    proven_by="Python with ncnn",
    takes=Takes(inputs=("float32",), layouts=("nchw",)),
    write=write,
    client=python_client("ncnn", "ncnn"),
    values=values,
)
