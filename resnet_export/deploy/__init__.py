"""`deploy`: a file is carried to other runtimes, as bundles that run by themselves and have proven their answers."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from resnet_export.deploy.bundle import is_ours, make_bundle
from resnet_export.deploy.expected import Golden, read_golden
from resnet_export.deploy.golden import write_golden
from resnet_export.deploy.results import BundleResult, DeployReport, Status, TargetFacts, TargetList
from resnet_export.deploy.source import Platform, Source, calibration_pictures, read_source
from resnet_export.deploy.target import NOT_OFFERED, Target, find, names
from resnet_export.errors import InputError, MissingDependencyError, ResNetExportError, UnavailableError, UsageError
from resnet_export.files import refuse_filled_folder
from resnet_export.progress import Progress

STATUS: dict[type[ResNetExportError], Status] = {
    MissingDependencyError: "missing",
    UnavailableError: "missing",
    InputError: "refused",
    ResNetExportError: "failed",
}
"""What it means for a bundle that it raised; a class stands before those that it derives from."""


def deploy(
    path: str | os.PathLike[str],
    targets: str | Sequence[str],
    output: str | os.PathLike[str],
    *,
    images: str | os.PathLike[str] | None = None,
    labels: str | os.PathLike[str] | Sequence[str] | None = None,
    calibrate: str | os.PathLike[str] | None = None,
    platform: Platform | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> DeployReport:
    """Writes a bundle for each target: a folder with the network, a client, golden pictures and a self-test.

    A bundle is written once its own client has given the answers of the file. Each succeeds or fails alone.

    Args:
        path: the `.onnx` file, written by this package or not.
        targets: names, or one of these.
        output: the folder; of several targets, the one in which each has a folder of its name.
        images: a folder of photographs that take part in the proof, and stand in the bundle.
        labels: a text file with a class a line, or the names; None for those in the file.
        calibrate: a folder of pictures, for `litert`: it then quantises the float32 network to int8, too.
        platform: the kind of CPU that the `.ort` file is optimised for; None for this machine's.
        force: replace bundles that are there. Other folders that are not empty are refused.
        progress: entered around each stage with its name.

    Returns:
        What became of each; `exit_code` is 0 where all were written.

    Raises:
        ModelError: the file is missing or damaged, takes no picture, gives no classes, or is not the network that it
            says.
        ImageError: `images` or `calibrate` holds no picture, or one that can't be read.
        LabelsError: the labels can't be read, or are not one for each class.
        UsageError: there is no such target, none that an option is for, or a folder is not empty.
    """
    asked = list(dict.fromkeys([targets] if isinstance(targets, str) else targets))
    if not asked:
        raise UsageError("No target was given.", hint=f"Give one or more of {', '.join(names())}.")
    chosen = {name: find(name) for name in asked}
    for option, given, able in (
        ("--calibrate", calibrate, [name for name, target in chosen.items() if target.calibrates]),
        ("--for", platform, [name for name in chosen if name == "ort"]),
    ):
        if given is not None and not able:
            raise UsageError(f"{option} changes nothing of {', '.join(asked)}.", hint=f"Leave {option} out.")
    folders = {name: Path(output) if len(asked) == 1 else Path(output) / name for name in asked}
    for folder in (Path(output), *folders.values()):
        if folder.exists() and (len(asked) == 1 or folder != Path(output) or not folder.is_dir()):
            refuse_filled_folder(folder, force=force, ours=is_ours)
    stage = progress or (lambda name: contextlib.nullcontext())
    with tempfile.TemporaryDirectory() as work:
        with stage("read"):
            copies, pictures = Path(work) / "copies", Path(work) / "golden"
            copies.mkdir()
            pictures.mkdir()
            source = read_source(path, labels, copies)
            seen = () if calibrate is None else calibration_pictures(calibrate, source.classifier.preprocessing)
            source = replace(source, calibration=seen, platform=platform)
        with stage("truth"):
            golden = read_golden(source, pictures, write_golden(pictures, images))
        bundles = []
        for name, target in chosen.items():
            with stage(name):
                bundles.append(_attempt(name, target, source, golden, folders[name]))
    return DeployReport(
        file=str(path),
        sha256=source.sha256,
        precision=source.precision,
        pictures=tuple(golden.pixels),
        bundles=tuple(bundles),
        notes=tuple(_notes(source)),
    )


def list_targets() -> TargetList:
    """All targets, and what is missing here for each."""
    facts = []
    for name in names():
        target, problem, hint = find(name), None, None
        try:
            target.client.needs()
        except ResNetExportError as error:
            problem, hint = error.message, error.hint
        facts.append(TargetFacts(name, target.writes, target.proven_by, problem, hint))
    return TargetList(tuple(facts), dict(NOT_OFFERED))


def _attempt(name: str, target: Target, source: Source, golden: Golden, output: Path) -> BundleResult:
    """The bundle of one target; what is raised is a result, so that the others are written."""
    try:
        return make_bundle(name, target, source, golden, output)
    except ResNetExportError as error:
        status = next(status for kind, status in STATUS.items() if isinstance(error, kind))
        return BundleResult(name, status, reason=error.message, hint=error.hint, exit_code=error.exit_code)


def _notes(source: Source) -> Iterator[str]:
    """What a reader has to know beside the results."""
    if source.classifier.labels is None:
        yield "The file has no labels: labels.txt has the numbers of the classes. Give names with --labels."
    assumed = ", ".join(map(str, source.classifier.assumptions))
    if assumed:
        yield f"Assumed, since the file does not say it: {assumed}. Export it again with these options to change it."
