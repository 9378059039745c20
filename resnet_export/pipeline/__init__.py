"""The main job: a trained network in, one proven `.onnx` file out."""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from threadpoolctl import threadpool_limits

from resnet_export.assumptions import about_pictures
from resnet_export.convert import CONVERTERS
from resnet_export.errors import (
    ParityError,
    StructureError,
    UsageError,
)
from resnet_export.files import refuse_overwriting, reported, require_space, sha256, staged
from resnet_export.graph.canonical import canonicalise
from resnet_export.graph.file import bind, write
from resnet_export.graph.folding import folded
from resnet_export.graph.interface import Interface, dress
from resnet_export.graph.metadata import Metadata, initializers_digest
from resnet_export.models import FRAMEWORKS
from resnet_export.optional import require
from resnet_export.parity.blame import blame, differing_parameters
from resnet_export.parity.check import check_file, gate_inputs
from resnet_export.parity.evaluation import Suspect, evaluate
from resnet_export.parity.inputs import image_input_of
from resnet_export.parity.oracles import step_of
from resnet_export.parity.results import VerifyReport
from resnet_export.parity.subject import quantity_of
from resnet_export.parity.truth import last_values
from resnet_export.pipeline.sources import choose_framework, labels_of, load, preprocessing_of
from resnet_export.pipeline.stages import Stages
from resnet_export.report.data import ExportReport
from resnet_export.report.text import located
from resnet_export.runtimes import attach
from resnet_export.spec import ResNetSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    import onnx_ir as ir

    from resnet_export.graph.interface import Head, Layout
    from resnet_export.parity.inputs import InputSet
    from resnet_export.parity.results import Diagnosis
    from resnet_export.parity.truth import Truth
    from resnet_export.pipeline.sources import Source
    from resnet_export.pipeline.stages import Progress
    from resnet_export.weights import Weights


__all__ = ["export"]


def export(
    source: Source = None,
    output: str | os.PathLike[str] | None = None,
    *,
    framework: str | None = None,
    depth: int | None = None,
    num_classes: int | None = None,
    in_channels: int | None = None,
    image_size: int | None = None,
    stem: str | None = None,
    width: int | None = None,
    eps: float | None = None,
    layout: Layout = "nchw",
    batch: int | None = None,
    dynamic_size: bool = False,
    opset: int = 17,
    head: Head = "logits",
    preprocess: str = "none",
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    resize: int | None = None,
    interpolation: str | None = None,
    labels: str | os.PathLike[str] | Sequence[str] | None = None,
    images: str | os.PathLike[str] | None = None,
    force: bool = False,
    seed: int = 0,
    verify: bool = True,
    progress: Progress | None = None,
) -> ExportReport:
    """Exports a network to one `.onnx` file and proves that the file is that network.

    Args:
        source: a `ResNetSpec`, `Weights`, the path of a checkpoint, `IMAGENET1K_V1` or `IMAGENET1K_V2`,
            a `torch.nn.Module` or a `keras.Model`; None for a He-initialised network.
        output: the file; `resnet<depth>.onnx` by default.
        framework: `torch` or `keras`: whose definition is converted. By default that of the source, else one that is
            installed.
        depth: 18, 34, 50, 101 or 152. This and the next six are inferred from the weights where they are None;
            what contradicts the weights is an error.
        num_classes: length of the logits.
        in_channels: channels of the image.
        image_size: height and width in pixels; that of a `.keras` file or a live Keras model, else 224, or 32 with the
            cifar stem.
        stem: `imagenet` or `cifar`.
        width: channels after the stem.
        eps: added to the variance in every batch norm. A state_dict can't show it: 1e-5 by default.
        layout: order of the input's axes, `nchw` or `nhwc`.
        batch: images a run takes; None for any number.
        dynamic_size: leave height and width open.
        opset: 13 to 26.
        head: `logits`, `probabilities` (the sigmoid of a single logit), `sigmoid` (of each logit, for several labels)
            or `embedding`.
        preprocess: `uint8` embeds the normalisation: the file takes raw pixels 0..255.
        mean: per channel, on the scale 0..1.
        std: per channel, on the scale 0..1.
        resize: length of the shorter side before the centre crop, in pixels.
        interpolation: of the resize.
        labels: class names, or a text file with one a line.
        images: a folder of pictures that take part in the check.
        force: replace an existing file.
        seed: of the initialisation, where there are no weights.
        verify: check the file before it gets its name.
        progress: entered around each stage with the stage's name.

    Returns:
        What was done and found.

    Raises:
        ParityError: the file, or the source, is not the network; nothing was written. Carries the report.
        UsageError: an option cannot be meant so, or `output` exists and `force` is not set.
        InputError: a checkpoint, the labels or the pictures cannot be used.
        MissingDependencyError: the framework is not installed.
        UnavailableError: the file cannot be written.
    """
    interface = Interface(layout, batch, dynamic_size, head, preprocess, opset)  # type: ignore[arg-type]
    asked = {
        "depth": depth,
        "num_classes": num_classes,
        "in_channels": in_channels,
        "image_size": image_size,
        "stem": stem,
        "width": width,
        "eps": eps,
    }
    if seed and source is not None and not isinstance(source, ResNetSpec):
        raise UsageError(
            f"seed {seed} was asked for, and the weights are given.",
            hint="Leave the seed out: it is that of a new network's weights.",
        )
    framework = choose_framework(framework, source)
    stages = Stages(progress)
    if output is not None:
        refuse_overwriting(output, force=force)

    with stages("load"):
        weights, origin, model = load(source, framework, asked, seed)
        spec = weights.spec
        target = Path(output if output is not None else f"resnet{spec.depth}.onnx")
        refuse_overwriting(target, force=force)
        preprocessing, preprocessing_origin, known = preprocessing_of(spec, source, mean, std, resize, interpolation)
        assumptions = (*weights.assumptions, *about_pictures(preprocessing, known))
        metadata = Metadata(spec, interface, preprocessing, weights.digest, "", labels_of(labels, spec), assumptions)
        require_space(target, sum(array.nbytes for array in weights.values()))

    with ThreadPoolExecutor(max_workers=1) as background:
        truth: Future[Truth] | None = None
        sets: list[InputSet] = []
        notes: list[str] = []
        if verify:
            sets, notes = gate_inputs(image_input_of(metadata), preprocessing, images)
            # It needs no framework: it is computed while the framework is imported and the model traced.
            exact, step = sets[0].exact, step_of(quantity_of(interface.head))
            truth = background.submit(_beside_the_framework, last_values, spec, weights, exact, step)

        require(framework)  # Keras, for one, may be there without TensorFlow
        definition = _module(FRAMEWORKS, framework)
        given = model is not None

        def recall() -> Weights:
            return load(source, framework, asked, seed).weights

        def build(weights: Weights) -> Any:
            built = definition.build(spec)
            definition.load(built, weights)
            return built

        with stages("build"):
            if not given:
                model = build(weights)
            # A model of our own, and its weights, are let go of as soon as they have served: memory is needed for
            # the session. Who looks into a failure loads and builds them again.
            suspect = Suspect(
                f"the {framework} model", lambda: attach(framework, build(recall()) if model is None else model, spec)
            )
        with stages("trace"):
            graph: ir.Model = _module(CONVERTERS, framework).to_onnx(model, spec)

        nodes: dict[str, int] = {}

        def report(verification: VerifyReport | None, digest: str = "", size: int = 0) -> ExportReport:
            return ExportReport(
                path=str(target),
                framework=framework,
                spec=spec,
                interface=interface,
                preprocessing=preprocessing,
                preprocessing_origin=preprocessing_origin,
                weights_origin=origin,
                assumptions=assumptions,
                labels=metadata.labels,
                weights_digest=metadata.weights_digest,
                sha256=digest,
                size=size,
                nodes=nodes,
                stages=stages.seconds,
                versions=_versions(framework),
                verification=verification,
            )

        def refuse(diagnosis: Diagnosis) -> ParityError:
            failure = f"{diagnosis.layer}: {diagnosis.detail}"
            found = VerifyReport(str(target), False, (), (failure,), diagnosis=diagnosis)
            return _refusal(report(found))

        with stages("canonicalise"):
            try:
                canonicalise(graph, spec)
            except StructureError as error:
                side = f"what the {framework} converter made of the model"
                raise refuse(blame(suspect, error, spec, weights, side)) from error
            dress(graph, spec, interface, preprocessing)
            nodes = dict(sorted(Counter(node.op_type for node in graph.graph).items()))
        with stages("run"):
            if not given and (changed := differing_parameters(definition.read(model), weights, suspect.label)):
                raise refuse(changed)
            from_source = evaluate(suspect, sets, quantity_of(interface.head)) if verify else None
            model = model if given else None
        with stages("bind"):
            bind(graph, folded(weights))
            metadata = replace(metadata, initializers_digest=initializers_digest(graph))
            del weights
        with staged(target) as temporary:
            with stages("write"), reported(target):
                write(graph, temporary, metadata)
                digest, size = sha256(temporary), temporary.stat().st_size
            del graph  # its numbers are in the file now, and the check takes memory of its own
            verification = None
            if truth is not None and from_source is not None:
                with stages("verify"):
                    verification = check_file(temporary, recall, from_source, sets, truth.result())
                verification = replace(verification, file=str(target), notes=tuple(notes))
            result = report(verification, digest, size)
            if result.passed is False:
                raise _refusal(result)
    return result


def _beside_the_framework(evaluate: Callable[..., Truth], *arguments: Any) -> Truth:
    """Evaluates with one processor fewer than there are: importing and tracing need one to themselves."""
    with threadpool_limits(max(1, (os.cpu_count() or 2) - 1), user_api="blas"):
        return evaluate(*arguments)


def _module(table: dict[str, str], name: str) -> Any:
    return importlib.import_module(table[name])


def _refusal(report: ExportReport) -> ParityError:
    """The error of an export that failed its check."""
    found = report.verification
    assert found is not None, "only a check refuses"
    lines = [f"{report.path} was not written: it would not be the network of its source."]
    lines += located(found) or found.failures[:3]
    return ParityError(
        " ".join(lines),
        hint="Mend the side that is named and export again; the report (--report FILE) has every comparison.",
        report=report,
    )


def _versions(framework: str) -> dict[str, str]:
    """Version of each package that took part."""
    parts = {"torch": ("torch", "onnxscript"), "keras": ("keras", "tensorflow-cpu", "tensorflow", "tf2onnx")}
    found = {}
    for name in ("resnet-export", *parts[framework], "numpy", "onnx", "onnx-ir", "onnxruntime-gpu", "onnxruntime"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found
