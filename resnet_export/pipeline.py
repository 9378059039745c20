"""The main job: a trained network in, one proven `.onnx` file out."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.metadata
import importlib.util
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resnet_export.convert import CONVERTERS
from resnet_export.errors import (
    LabelsError,
    MissingDependencyError,
    ParityError,
    StructureError,
    UnavailableError,
    UsageError,
)
from resnet_export.files import refuse_overwriting, staged
from resnet_export.graph.canonical import canonicalise
from resnet_export.graph.file import bind, read, read_metadata, write
from resnet_export.graph.folding import folded
from resnet_export.graph.interface import Interface, dress
from resnet_export.graph.metadata import Metadata, initializers_digest
from resnet_export.images import Preprocessing
from resnet_export.models import FRAMEWORKS
from resnet_export.optional import install_line
from resnet_export.parity.inputs import random_inputs
from resnet_export.parity.results import VerifyReport
from resnet_export.parity.truth import last_values
from resnet_export.parity.verify import Suspect, blame, check_file, differing_parameters
from resnet_export.report.data import ExportReport
from resnet_export.runtimes import RUNTIMES, open_session
from resnet_export.spec import IMAGE_SIZES, ResNetSpec
from resnet_export.weights import Weights
from resnet_export.weights.published import RESIZE, fetch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import onnx_ir as ir

    from resnet_export.graph.interface import Head, Layout
    from resnet_export.parity.results import Diagnosis

Progress = Callable[[str], AbstractContextManager[None]]
Source = Any
"""A `ResNetSpec`, `Weights`, a path or published name, a `torch.nn.Module` or a `keras.Model`; None for a new network."""


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
        depth: 18, 34, 50, 101 or 152. This and the next five are inferred from the weights where they are None;
            what contradicts the weights is an error.
        num_classes: length of the logits.
        in_channels: channels of the image.
        image_size: height and width in pixels; never inferred: 224, or 32 with the cifar stem.
        stem: `imagenet` or `cifar`.
        width: channels after the stem.
        layout: order of the input's axes, `nchw` or `nhwc`.
        batch: images a run takes; None for any number.
        dynamic_size: leave height and width open.
        opset: 13 to 26.
        head: `logits`, `probabilities` or `embedding`.
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
    }
    framework = _choose_framework(framework, source)
    stages = _Stages(progress)
    if output is not None:
        refuse_overwriting(output, force=force)

    with stages("load"):
        weights, origin, model = _load(source, framework, asked, seed)
        spec = weights.spec
        target = Path(output if output is not None else f"resnet{spec.depth}.onnx")
        refuse_overwriting(target, force=force)
        preprocessing, preprocessing_origin = _preprocessing(spec, source, mean, std, resize, interpolation)
        metadata = Metadata(spec, interface, preprocessing, weights.digest, "", _labels(labels, spec))
        _require_space(target, weights)

    with ThreadPoolExecutor(max_workers=1) as background:
        # The truth needs no framework: it is computed while the framework is imported and the model traced.
        compared = "flatten" if head == "embedding" else "fc"
        truth = (
            background.submit(last_values, spec, weights, random_inputs(metadata).exact, compared) if verify else None
        )

        definition = _module(FRAMEWORKS, framework)
        given = model is not None
        with stages("build"):
            if not given:
                model = definition.build(spec)
                definition.load(model, weights)
            suspect = Suspect(f"the {framework} model", _module(RUNTIMES, framework).attach(model, spec))
        with stages("trace"):
            graph: ir.Model = _module(CONVERTERS, framework).to_onnx(model, spec)

        def report(verification: VerifyReport | None, sha256: str = "", size: int = 0) -> ExportReport:
            return ExportReport(
                path=str(target),
                framework=framework,
                spec=spec,
                interface=interface,
                preprocessing=preprocessing,
                preprocessing_origin=preprocessing_origin,
                weights_origin=origin,
                weights_digest=weights.digest,
                sha256=sha256,
                size=size,
                nodes=dict(sorted(Counter(node.op_type for node in graph.graph).items())),
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
        with stages("bind"):
            if not given and (changed := differing_parameters(definition.read(model), weights, suspect.label)):
                raise refuse(changed)
            bind(graph, folded(weights))
            metadata = replace(metadata, initializers_digest=initializers_digest(graph))
        with staged(target) as temporary:
            with stages("write"):
                write(graph, temporary, metadata)
                sha256, size = hashlib.sha256(temporary.read_bytes()).hexdigest(), temporary.stat().st_size
            verification = None
            if truth is not None:
                with stages("verify"):
                    written = read(temporary)
                    with open_session("ort:cpu", temporary) as session:
                        verification = check_file(
                            temporary,
                            written,
                            read_metadata(written, temporary),
                            [Suspect("the file", session)],
                            source=suspect,
                            weights=weights,
                            images=images,
                            random_truth=truth.result,
                        )
                verification = replace(verification, file=str(target))
            result = report(verification, sha256, size)
            if result.passed is False:
                raise _refusal(result)
    return result


class _Stages:
    """Times the stages, and tells an observer of them."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress or (lambda name: contextlib.nullcontext())
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        with self._progress(name):
            yield
        self.seconds[name] = time.perf_counter() - start


def _module(table: dict[str, str], name: str) -> Any:
    return importlib.import_module(table[name])


def _choose_framework(asked: str | None, source: Source) -> str:
    """The one asked for, else that of the source, else one that is installed."""
    if asked is not None and asked not in FRAMEWORKS:
        raise UsageError(f"There is no framework {asked!r}.", hint=f"Choose one of {', '.join(FRAMEWORKS)}.")
    live = _framework_of(source)
    if live is not None and asked not in (None, live):
        raise UsageError(
            f"The framework {asked} was asked for, and the source is a model of {live}.",
            hint=f"Leave the framework out, or pass Weights read with resnet_export.models.{live}.read.",
        )
    by_suffix = "keras" if str(source).endswith((".keras", ".weights.h5")) else "torch"
    wanted = asked or live
    candidates = [wanted] if wanted else [by_suffix, *(name for name in FRAMEWORKS if name != by_suffix)]
    found = next((name for name in candidates if importlib.util.find_spec(name) is not None), None)
    if found is None:
        raise MissingDependencyError(
            f"The export needs {' or '.join(candidates)}, which is not installed.",
            hint=f"Install it with: {install_line(candidates[0])}",
        )
    return found


def _framework_of(source: Source) -> str | None:
    """The framework of a live model, found without importing either: who made it has imported it."""
    classes = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(source).__mro__}
    if "torch.Module" in classes:
        return "torch"
    return "keras" if "keras.Model" in classes else None


def _load(source: Source, framework: str, asked: dict[str, Any], seed: int) -> tuple[Weights, str, Any]:
    """(weights, where they come from, the live model if the source is one)."""
    if _framework_of(source) is not None:
        model = getattr(source, "_orig_mod", source)  # what torch.compile wrapped
        return _module(FRAMEWORKS, framework).read(model, **asked), f"the {framework} model", model
    if isinstance(source, Weights):
        _refuse_contradiction(source.spec, asked)
        return source, "the weights given", None
    if isinstance(source, ResNetSpec) or source is None:
        spec = source or _new_spec(asked)
        _refuse_contradiction(spec, asked)
        return Weights.initial(spec, seed), f"He initialisation, seed {seed}", None
    name = os.fspath(source)
    if name in RESIZE and not Path(name).exists():
        path = fetch(name, asked["depth"] or ResNetSpec.depth)
        return Weights.load(path, **asked), f"{name} ({path.name})", None
    return Weights.load(name, **asked), Path(name).name, None


def _new_spec(asked: dict[str, Any]) -> ResNetSpec:
    given = {name: value for name, value in asked.items() if value is not None}
    return ResNetSpec(**({"image_size": IMAGE_SIZES.get(given.get("stem", "imagenet"), 224)} | given))


def _refuse_contradiction(spec: ResNetSpec, asked: dict[str, Any]) -> None:
    for name, value in asked.items():
        if value is not None and value != getattr(spec, name):
            raise UsageError(
                f"{name} {value!r} was asked for, and the source has {getattr(spec, name)!r}.",
                hint=f"Leave {name} out, or pass another source.",
            )


def _preprocessing(
    spec: ResNetSpec,
    source: Source,
    mean: Sequence[float] | None,
    std: Sequence[float] | None,
    resize: int | None,
    interpolation: str | None,
) -> tuple[Preprocessing, str]:
    """(preprocessing, where it comes from): the options, else that of the named weights, else the usual one."""
    named = source if isinstance(source, str) and source in RESIZE else None
    pixels = round(RESIZE[named] * spec.image_size / 224) if named else None
    default = Preprocessing.default(spec.in_channels, spec.image_size, pixels)
    options: dict[str, Any] = {
        "mean": None if mean is None else tuple(map(float, mean)),
        "std": None if std is None else tuple(map(float, std)),
        "resize": resize,
        "interpolation": interpolation,
    }
    given = {name: value for name, value in options.items() if value is not None}
    for name in ("mean", "std"):
        if name in given and len(given[name]) != spec.in_channels:
            raise UsageError(
                f"{name} has {len(given[name])} numbers, and the network {spec.in_channels} channels.",
                hint=f"Give one {name} per channel.",
            )
    usual = "ImageNet's" if spec.in_channels == 3 else "mean 0 and standard deviation 1"
    origin = f"that of {named}" if named else usual
    if given:
        origin = f"{', '.join(given)} as given; the rest {origin}" if len(given) < len(options) else "as given"
    return replace(default, **given), origin


def _labels(labels: str | os.PathLike[str] | Sequence[str] | None, spec: ResNetSpec) -> tuple[str, ...] | None:
    """The class names, one for each logit."""
    if labels is None:
        return None
    if isinstance(labels, str | os.PathLike):
        path = Path(labels)
        try:
            names = tuple(path.read_text(encoding="utf-8").splitlines())
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise LabelsError(
                f"The labels file {path} cannot be read: {reason}.", hint="Give a text file, one class a line."
            ) from error
        where = f"The labels file {path} has {len(names)} lines"
    else:
        names, where = tuple(labels), f"{len(labels)} labels were given"
    if len(names) != spec.num_classes:
        raise LabelsError(f"{where}, and the network has {spec.num_classes} classes.", hint="Give one label per class.")
    return names


def _require_space(target: Path, weights: Weights) -> None:
    """Finds out before the work that the disk is too full."""
    needed = sum(array.nbytes for array in weights.values())
    free = shutil.disk_usage(target.parent).free
    if free < needed:
        raise UnavailableError(
            f"{target} needs about {needed / 2**20:.0f} MiB, and {free / 2**20:.0f} MiB are free there.",
            hint="Free some space, or give another --output.",
        )


def _refusal(report: ExportReport) -> ParityError:
    """The error of an export that failed its check."""
    found = report.verification
    assert found is not None, "only a check refuses"
    lines = [f"{report.path} was not written: it would not be the network of its source."]
    if found.diagnosis is not None:
        where = found.diagnosis
        lines.append(f"First wrong layer: {where.layer}, in {where.side}: {where.detail}.")
        if where.cause is not None:
            lines.append(f"Likely cause: {where.cause}.")
    else:
        lines += found.failures[:3]
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
