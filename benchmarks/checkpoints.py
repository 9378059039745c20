r"""Which checkpoints are read right: of each family and variant, bare and with what says which network they are of.

    python benchmarks/checkpoints.py                         # all, for images of 64 x 64 pixels; a quarter of an hour
    python benchmarks/checkpoints.py --only 'timm/*' --again

The network that is read is held against the live model's own run in float64. Where they differ, the checkpoint is of
another network with the same tensors: then the options in the line of assumptions are tried, one after the other, and
one of them must give the live model's answers. Weights are random; nothing is downloaded. Rows that the results already
hold are kept. Needs timm, torchvision and transformers, which `make install` brings, and this for Keras's:

    pip install --no-deps --target FOLDER keras-hub
    PYTHONPATH=FOLDER python benchmarks/checkpoints.py
"""

from __future__ import annotations

import fnmatch
import gc
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import readme
import shared
from numpy.typing import NDArray
from zoo.checkpoints import BARE, CONFIGURED, Form, Kept, kept

from resnet_export import live
from resnet_export.errors import ResNetExportError
from resnet_export.network.evaluation import outputs_of
from resnet_export.sources import Trained, load

RESULTS = shared.FOLDER / "checkpoints.json"
PAGE = Path(__file__).parent.parent / "docs" / "networks.md"
EQUAL = 1e-6
"""Largest distance over the largest output: 1e-13 is usual, and Keras computes some constants in float32."""
OPTIONS = {"model": "code", "stride-on": "stride_on"}
"""Option of the command -> its name in `sources.load`."""
EQUAL_TO, NAMED, REFUSED, WRONG = "equal", "named", "refused", "WRONG"


def main() -> None:
    parser = shared.parser(__doc__, RESULTS)
    parser.add_argument("--only", metavar="GLOB", default="*", help="group/name, such as 'timm/*'")
    parser.add_argument("--image-size", type=int, default=64, help="pixels")
    parser.add_argument("--again", action="store_true", help="read those anew whose results are there")
    options = parser.parse_args()

    rows = {row["checkpoint"]: row for row in shared.kept(options.output, "checkpoints")}
    for one in kept():
        known = f"{one.member.path}, {one.forms[-1].name}" in rows
        if not fnmatch.fnmatch(one.member.path, options.only) or (known and not options.again):
            continue
        for row in read(one, one.member.size(options.image_size)):
            rows[row["checkpoint"]] = row
            print(row["checkpoint"], row["outcome"], row["says"], f"{row['seconds']} s", flush=True)
        gc.collect()
        shared.write(options.output, schema_version=1, checkpoints=list(rows.values()))
    if options.output == RESULTS:
        readme.refresh("checkpoints", "\n".join(markdown(list(rows.values()))), PAGE)


def read(one: Kept, size: int) -> Iterator[dict[str, Any]]:
    """What comes of each of a network's checkpoints."""
    model = one.member.build(size)
    images = np.random.default_rng(0).standard_normal((2, 3, size, size))
    outputs = live.of(model).run_float64(images)
    if outputs is None:
        raise SystemExit(f"{one.member.path} has no run in float64.")
    for form in one.forms:
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            row = {"checkpoint": f"{one.member.path}, {form.name}", "group": one.member.group, "form": form.name}
            row |= outcome(form.save(model, Path(folder)), form, images, outputs[0])
            row["says"] = row["says"].replace(f"{folder}/", "").replace(f"{Path(folder).name}/", "")
        yield row | {"seconds": round(time.perf_counter() - start, 1)}


def outcome(source: Path, form: Form, images: NDArray[np.float64], truth: NDArray[np.float64]) -> dict[str, Any]:
    """Whether what is read is the network; otherwise the option that makes it so, or the reason of the refusal."""
    size = images.shape[-1]
    try:
        trained = load(source, image_size=size, **form.options)
        found = distance(trained, images, truth)
        if found <= EQUAL:
            return {"outcome": EQUAL_TO, "distance": found, "says": trained.title}
        for option, said in named(trained):
            changed = load(source, image_size=size, **{**form.options, **option})
            if distance(changed, images, truth) <= EQUAL:
                return {"outcome": NAMED, "distance": found, "says": said}
    except ResNetExportError as error:
        return {"outcome": REFUSED, "distance": None, "says": error.message}
    return {"outcome": WRONG, "distance": found, "says": f"read as {trained.title}"}


def named(trained: Trained) -> Iterator[tuple[Mapping[str, str], str]]:
    """The options that the line of assumptions names: (as `sources.load` has it, as the command has it)."""
    for one in trained.assumptions:
        for option, value in re.findall(r"--([\w-]+) (\S+)", one.option or ""):
            if option in OPTIONS:
                yield {OPTIONS[option]: value}, f"--{option} {value}"


def distance(trained: Trained, images: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    """The largest error over the largest output."""
    (found,) = outputs_of(trained.network, trained.numbers, images, [trained.network.output])
    return float(np.abs(found - truth).max() / np.abs(truth).max()) if found.shape == truth.shape else float("inf")


def markdown(rows: list[dict[str, Any]]) -> Iterator[str]:
    """A line for each family, and what was not simply equal."""
    table = []
    for group in dict.fromkeys(row["group"] for row in rows):
        cells = [counts([row for row in rows if row["group"] == group and row["form"] == form])
                 for form in (BARE, CONFIGURED)]  # fmt: skip
        table.append((group, *cells))
    yield from readme.table(("Family", BARE.capitalize(), CONFIGURED.capitalize()), ("---", "---", "---"), table)
    yield ""
    other = [row for row in rows if row["outcome"] != EQUAL_TO]
    verbs = {NAMED: "read as its twin; named:", REFUSED: "refused:", WRONG: "WRONG:"}
    lines = [(row["checkpoint"], f"{verbs[row['outcome']]} `{row['says']}`") for row in other]
    yield from readme.table(("Not simply equal", "What is said"), ("---", "---"), lines)


def counts(rows: list[dict[str, Any]]) -> str:
    """`21 equal, 8 named, 1 refused`."""
    found = [row["outcome"] for row in rows]
    return ", ".join(f"{found.count(one)} {one}" for one in (EQUAL_TO, NAMED, REFUSED, WRONG) if one in found)


if __name__ == "__main__":
    main()
