"""`verify` of a bundle: its networks run in the runtimes of this package, and answer its golden pictures."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resnet_export.classify.preparation import session_input
from resnet_export.data import decode
from resnet_export.deploy.results import GoldenAnswers
from resnet_export.files import sha256
from resnet_export.images import as_pixels, decode_picture, prepare
from resnet_export.parity.gate.gate import FILE_FACTOR, compare
from resnet_export.parity.results import Comparison, Quantity, RuntimeResult, Status, VerifyReport
from resnet_export.progress import Progress
from resnet_export.runtimes.bundle import Bundle, read_bundle
from resnet_export.runtimes.isolated import IsolatedSession


def verify_bundle(
    path: str | os.PathLike[str], *, runtimes: Sequence[str] | None = None, progress: Progress | None = None
) -> VerifyReport:
    """Checks the networks of a bundle on its golden pictures, each in a process of its own.

    Args:
        path: its folder, or a network in it.
        runtimes: with options, such as `ncnn,threads=2`; None for the bundle's own.
        progress: entered around each stage with its name.

    Raises:
        ModelError: it is no bundle, or a runtime can't load a network of it.
        InputError: its description or its golden answers can't be read.
        UsageError: such a runtime doesn't open its networks.
        MissingDependencyError: the runtime is not installed.
        RuntimeFailedError: the runtime fails while it runs.
    """
    stage = progress or (lambda name: contextlib.nullcontext())
    bundle, files = read_bundle(Path(path))
    known = (Path(path) if Path(path).is_dir() else Path(path).parent) / "golden" / "golden.json"
    golden = decode(GoldenAnswers, known.read_bytes() if known.is_file() else b"", str(known))
    pixels, changed = _pixels(bundle, golden, known.parent)
    comparisons, ran = [], []
    for name, file in files.items():
        for runtime in bundle.runtimes(name, runtimes):
            with stage(f"{name} in {runtime}"), IsolatedSession(runtime, file) as session:
                comparisons.append(_compare(name, session, bundle, golden, pixels))
                status: Status = "passed" if comparisons[-1].passed else "failed"
                label = comparisons[-1].runtime
                ran.append(RuntimeResult(label, status, precision=session.precision, version=session.version))
    failures = tuple(
        f"{one.runtime}: an answer is {one.error:.3g} from the truth, and {one.bound:.3g} is allowed."
        for one in comparisons
        if not one.passed
    )
    return VerifyReport(
        file=str(path),
        passed=not failures,
        comparisons=tuple(comparisons),
        failures=failures,
        notes=tuple(f"Left out: {one}, which is decoded otherwise here." for one in changed),
        sha256=sha256(next(iter(files.values()))),
        truth="the bundle's golden answers, which the network gave",
        yardstick="a quarter of the error that the bundle allows itself",
        runtimes=tuple(ran),
    )


def _pixels(bundle: Bundle, golden: GoldenAnswers, folder: Path) -> tuple[dict[str, NDArray[np.uint8]], list[str]]:
    """(the golden pictures as the network is given them, names of those that are others here)."""
    found, changed = {}, []
    for name, wanted in golden.pictures.items():
        picture = decode_picture(folder / name, bundle.input.channels)
        pixels = as_pixels(picture) if bundle.taken.prepares else prepare(picture, bundle.preparation)
        if hashlib.sha256(pixels.tobytes()).hexdigest() == wanted.pixels:
            found[name] = pixels
        else:
            changed.append(name)
    return found, changed


def _compare(
    name: str, session: IsolatedSession, bundle: Bundle, golden: GoldenAnswers, pixels: Mapping[str, NDArray[np.uint8]]
) -> Comparison:
    """A session's answers against the truth, with the bound that the bundle's own self-test has."""
    batch = bundle.input.batch or 1
    rows = []
    for one in pixels.values():
        given = np.repeat(one[None], batch, axis=0)
        answer = np.asarray(session.run(session_input(session, bundle.taken, bundle.preparation, given)))
        rows.append(answer[0].astype(np.float64).reshape(-1))
    truth = np.array([golden.pictures[picture].scores for picture in pixels])
    quantity: Quantity = "logits" if bundle.output.activation else "probabilities"
    label, known = f"{name} in {session.name}", golden.bounds[name] / FILE_FACTOR
    return compare(label, "pictures", quantity, np.stack(rows), truth, known, precision=bundle.artefacts[name])
