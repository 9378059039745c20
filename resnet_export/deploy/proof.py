"""The proof of a bundle: its own client answers the golden pictures, and the answers are held against the truth.

Two things are compared. From the pixels on: the client's scores with the truth of its own pixels, within the bound
that `verify` has for the precision. From the file on: the most probable class with the truth of Pillow's pixels; what
another decoder changes is a share of its own.
"""

from __future__ import annotations

import base64
import os
import subprocess
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.bench.statistics import summarise
from resnet_export.data import decode
from resnet_export.deploy.expected import Golden, Pixels
from resnet_export.deploy.golden import is_lossless
from resnet_export.deploy.results import Decoder, GoldenAnswers, Proof, Wanted
from resnet_export.deploy.target import Artefact
from resnet_export.error_text import BACKTRACE, error_text
from resnet_export.errors import InputError, ParityError, RuntimeCrashedError, RuntimeFailedError
from resnet_export.network.operators.operator import Floats
from resnet_export.parity.results import Comparison

TIMEOUT_S = 600.0
HIDDEN = ("PYTHONPATH", "PYTHONHOME", "NODE_OPTIONS", "NODE_PATH")
"""Variables that would lead a client to other packages than its own."""


@dataclass(frozen=True)
class ClientAnswer:
    """What a client prints of one picture."""

    shape: tuple[int, int, int]
    pixels: str
    """The pixels that it handed to the network: in base64, and compressed with zlib."""
    scores: tuple[float | None, ...]
    """What the network gave; null where that is not finite, and the language has no other word for it in JSON."""

    def unpacked(self) -> Pixels:
        """The pixels."""
        return np.frombuffer(zlib.decompress(base64.b64decode(self.pixels)), np.uint8).reshape(self.shape)


@dataclass(frozen=True)
class ClientAnswers:
    """What a client prints of all."""

    runtime: str
    answers: Mapping[str, ClientAnswer]
    ms: tuple[float, ...]
    """Times of the runs."""
    peak_mb: float | None = None
    """The largest memory of the process; None where it can't say."""


def prove(name: str, command: Sequence[str], bundle: Path, artefact: Artefact, golden: Golden) -> Proof:
    """Runs the client of a bundle with an artefact, and judges it.

    Raises:
        ParityError: an answer is another one than the file's.
        RuntimeFailedError: the client fails.
    """
    text = run_client(name, [*command, "--json", "--model", artefact.name(bundle)], bundle)
    found = _decoded(name, text)
    missing = golden.pixels.keys() - found.answers.keys()
    if missing:
        raise RuntimeFailedError(f"The client of {name} gives no answer to {min(missing)}.")
    names = list(golden.pixels)
    pixels = {picture: found.answers[picture].unpacked() for picture in names}
    _check_preparation(name, pixels, golden)
    logits = artefact.form.head == "logits"
    own = golden.answers.of(pixels.values(), logits=logits)
    scores = np.array([found.answers[one].scores for one in names], np.float64)
    compared = golden.answers.judge(name, scores, pixels.values(), artefact.precision, logits=logits)
    if not compared.error <= compared.bound:
        raise ParityError(_too_far(name, names, scores, own, compared))
    truth = golden.answers.of(golden.pixels.values(), logits=logits)
    decoders = [
        Decoder(one, _levels(pixels[one], golden.pixels[one]), float(np.abs(own[row] - truth[row]).max()))
        for row, one in enumerate(names)
        if not np.array_equal(pixels[one], golden.pixels[one])
    ]
    agreed, undecided = _top1(name, names, scores, truth, compared.bound, {one.picture: one.share for one in decoders})
    return Proof(
        artefact.name(bundle),
        found.runtime,
        artefact.precision,
        compared.error,
        compared.bound,
        compared.scale,
        len(names),
        agreed,
        tuple(undecided),
        tuple(decoders),
        summarise(found.ms).p50,
        found.peak_mb,
    )


def _decoded(name: str, text: str) -> ClientAnswers:
    """The last line, before which some runtimes print of themselves."""
    try:
        return decode(ClientAnswers, (text.splitlines() or [""])[-1], f"what the client of {name} prints")
    except InputError as error:
        raise RuntimeFailedError(error.message) from error


def run_client(name: str, command: Sequence[str], folder: Path) -> str:
    """What a client prints.

    Raises:
        RuntimeCrashedError: it dies of a signal, or hangs.
        RuntimeFailedError: it ends with an error.
    """
    environment = {key: value for key, value in os.environ.items() if key not in HIDDEN}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", errors="replace",
            timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise RuntimeCrashedError(f"The client of {name} did not answer in {TIMEOUT_S:.0f} s.", hung=True) from error
    if done.returncode < 0:
        raise RuntimeCrashedError(f"The client of {name} died of signal {-done.returncode}.")
    if done.returncode:
        last = [line for line in BACKTRACE.sub("", done.stderr).splitlines() if line.strip()][-1:]
        raise RuntimeFailedError(f"The client of {name} fails: {error_text(last[0] if last else done.stdout)}.")
    return done.stdout


def _check_preparation(name: str, pixels: Mapping[str, Pixels], golden: Golden) -> None:
    """Finds out whether pictures that every decoder decodes alike are prepared alike, to the last bit."""
    for picture in filter(is_lossless, pixels):
        levels = _levels(pixels[picture], golden.pixels[picture])
        if levels:
            raise ParityError(
                f"The client of {name} prepares {picture} otherwise than the file says: "
                f"a pixel is {levels} of 255 off.",
                hint="Export with --preprocess image: the resize is then in the file.",
            )


def _levels(found: Pixels, wanted: Pixels) -> int:
    if found.shape != wanted.shape:
        return 255
    return int(np.abs(found.astype(np.int16) - wanted.astype(np.int16)).max(initial=0))


def _too_far(name: str, names: Sequence[str], scores: Floats, truth: Floats, compared: Comparison) -> str:
    if scores.shape != truth.shape:
        return f"The client of {name} gives {scores.shape[-1]} scores a picture, and the file {truth.shape[-1]}."
    if not np.isfinite(scores).all():
        return f"The client of {name} gives scores that are not finite."
    worst = names[int(np.abs(scores - truth).max(axis=1).argmax())]
    return (
        f"The client of {name} is {compared.error:.3g} from the truth on {worst} ({compared.bound:.3g} is allowed for "
        f"{compared.scale:.3g} as the largest score)."
    )


def _top1(
    name: str, names: Sequence[str], scores: Floats, truth: Floats, bound: float, shares: Mapping[str, float]
) -> tuple[int, list[str]]:
    """(pictures with the truth's best class, names of those that error and decoder may decide).

    Raises:
        ParityError: another picture has another class.
    """
    undecided, agreed = [], 0
    for picture, row, wanted in zip(names, scores, truth, strict=True):
        same = decision(row) == decision(wanted)
        agreed += same
        if margin(wanted) <= 2 * (bound + shares.get(picture, 0.0)):
            undecided.append(picture)
        elif not same:
            raise ParityError(
                f"The client of {name} takes {picture} for class {decision(row)}, and the file for {decision(wanted)}."
            )
    return agreed, undecided


def decision(scores: NDArray[Any]) -> int:
    """The most probable class; a single score decides by its sign."""
    return int(scores.argmax()) if len(scores) > 1 else int(scores[0] > 0)


def margin(scores: NDArray[Any]) -> float:
    """How far the best class is ahead."""
    best = np.sort(scores)
    return float(best[-1] - best[-2]) if len(best) > 1 else 2 * abs(float(best[0]))


def golden_answers(
    golden: Golden, proofs: Sequence[Proof], bounds: Mapping[str, float], *, logits: bool
) -> GoldenAnswers:
    """What the self-test of a bundle compares with.

    Args:
        golden: the pictures and the truth.
        proofs: of the bundle; none where nothing here could run it.
        bounds: artefact -> how far a score may be from the truth.
        logits: whether the artefacts give these.
    """
    truth = golden.answers.of(golden.pixels.values(), logits=logits)
    shares = {one.picture: one.share for proof in proofs for one in proof.decoders}
    pictures = {}
    for name, row in zip(golden.pixels, truth, strict=True):
        decided = margin(row) > 2 * (max(bounds.values()) + shares.get(name, 0.0))
        scores = tuple(float(f"{score:.9g}") for score in row)
        pictures[name] = Wanted(golden.digest(name), scores, decision(row), decided)
    return GoldenAnswers(bounds, pictures)
