"""A bundle: a folder that runs by itself, written whole or not at all, once its own client has given the answers."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from resnet_export import __version__
from resnet_export.classify.reading import activation_for
from resnet_export.data import as_plain, from_json, to_json
from resnet_export.deploy.expected import Golden, columns_first, read_golden
from resnet_export.deploy.layers import first_wrong
from resnet_export.deploy.proof import golden_answers, prove, run_client
from resnet_export.deploy.results import BundleResult, Proof
from resnet_export.deploy.source import Source
from resnet_export.deploy.target import Artefact, Client, Target
from resnet_export.errors import ModelError, ParityError, ResNetExportError
from resnet_export.files import reported, require_space, staged_folder
from resnet_export.parity.verify import verify
from resnet_export.runtimes.bundle import CONFIG, Input, parts_of

CLIENTS = Path(__file__).parent / "clients"
RANGES = "Give --calibrate more pictures, such as the network will see, or leave it out."
"""What to do where a target's own int8 is too far from float32: its ranges come from the pictures."""
MADE_BY = "made_by"
RUNS = 30
"""Of the network in the client, for the time in `deploy.json`."""


def make_bundle(name: str, target: Target, source: Source, golden: Golden, output: Path) -> BundleResult:
    """Writes the bundle of one target, proves it, and gives it its name.

    Raises:
        ParityError: its answers are others than the file's.
        ModelError: the target can't hold the file.
        MissingDependencyError: a tool is missing.
        RuntimeFailedError: its client fails.
        UnavailableError: the folder can't be written.
    """
    target.refuse(name, source)
    client = target.client
    with staged_folder(output) as folder:
        with reported(output):
            artefacts = _write_network(target, source, folder, output)
            if source.form.embedded == "image" and artefacts[0].form.embedded != "image":
                golden = read_golden(source.without_preparation, golden.folder, golden.pixels)
            config = _write_parts(client, source, golden, artefacts, folder)
        command = client.prove(folder) if client.prove else None
        proofs: tuple[Proof, ...] = ()
        reason: str | None = "It was written, and nothing here can run it."
        if command is not None:
            artefacts, proofs, reason = _prove(name, target, command, source, golden, artefacts, folder)
            config["artefacts"] = {one.name(folder): one.precision for one in artefacts}
        with reported(output):
            _write_proof(proofs, golden, artefacts, folder)
            described = config | _origin(name, source, proofs)
            (folder / CONFIG).write_text(json.dumps(described, indent=2), encoding="utf-8")
            (folder / "README.md").write_text(readme(name, target, source, list(config["artefacts"])), encoding="utf-8")
        if command is not None:
            run_client(name, command, folder)  # the self-test, as its user will run it
        for left in client.leaves:
            shutil.rmtree(folder / left)
        sizes = tuple(sum(file.stat().st_size for file in parts_of(one.path)) for one in artefacts)
    return BundleResult(
        target=name,
        status="proven" if proofs else "written",
        folder=str(output),
        artefacts=tuple(config["artefacts"]),
        sizes=sizes,
        precision=artefacts[0].precision,
        proofs=proofs,
        reason=reason,
    )


def _write_network(target: Target, source: Source, folder: Path, output: Path) -> Sequence[Artefact]:
    try:
        return target.write(source, folder)
    except ModelError:  # a runtime that writes by itself says of a full disk what it says of a bad file
        require_space(output, source.path.stat().st_size)
        raise


def _lines(entries: Sequence[str]) -> str:
    return "".join(f"{entry}\n" for entry in entries)


def is_ours(folder: Path) -> bool:
    """Whether a folder is a bundle."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        described = from_json((folder / CONFIG).read_bytes())
        return str(described.get(MADE_BY)).startswith("resnet-export ")
    return False


def _write_parts(
    client: Client, source: Source, golden: Golden, artefacts: Sequence[Artefact], folder: Path
) -> dict[str, Any]:
    """All but the artefacts and what the proof finds out; gives what the client reads."""
    for name, file in client.files.items():
        shutil.copyfile(CLIENTS / file, folder / name)
    if requirements := client.requirements():
        (folder / "requirements.txt").write_text(_lines(requirements), encoding="utf-8")
    shutil.copytree(golden.folder, folder / "golden")
    classes = golden.classes
    labels = source.classifier.labels or tuple(map(str, range(classes)))
    (folder / "labels.txt").write_text(_lines(labels), encoding="utf-8")
    form = artefacts[0].form
    activation = activation_for(source.classifier.head, classes, from_logits=form.head == "logits")
    config = {
        "artefacts": {one.name(folder): one.precision for one in artefacts},
        "output": {"name": form.output, "activation": activation},
        "input": {field.name: getattr(form, field.name) for field in fields(Input)},
        "preparation": as_plain(source.classifier.preprocessing) | {"columns_first": columns_first()},
        "runs": RUNS,
    }
    (folder / CONFIG).write_text(json.dumps(config, indent=2), encoding="utf-8")
    return config


def _prove(
    name: str,
    target: Target,
    command: Sequence[str],
    source: Source,
    golden: Golden,
    artefacts: Sequence[Artefact],
    folder: Path,
) -> tuple[Sequence[Artefact], tuple[Proof, ...], str | None]:
    """(artefacts that are proven, their proofs, which one was left out and why).

    Float16 is an offer beside the file's own precision: without it, the bundle is what was asked for.
    """
    kept, proofs, reason = [], [], None
    for artefact in artefacts:
        try:
            proofs.append(prove(name, command, folder, artefact, golden))
            kept.append(artefact)
        except ParityError as error:
            if artefact.precision == "float16" != source.precision:
                reason = f"{artefact.name(folder)} was left out. {error.message}"
                for part in parts_of(artefact.path):
                    part.unlink()
                continue
            located = _first_wrong_layer(target, source, golden, artefact)
            hint = "Leave this target out."
            if artefact.precision == "int8" != source.precision:
                hint = RANGES
            elif target.runtime is not None:
                look = f"resnet-export verify {source.path} --runtime {target.runtime} --bisect"
                hint = f"Leave this target out, or look at the layers: {look}"
            raise ParityError(" ".join([error.message, *located]), hint=error.hint or hint) from error
    return kept, tuple(proofs), reason


def _first_wrong_layer(target: Target, source: Source, golden: Golden, artefact: Artefact) -> Sequence[str]:
    """Sentences on it, where its runtime can show the values; else nothing."""
    with contextlib.suppress(ResNetExportError):
        if target.runtime is not None:
            file = artefact.path if artefact.path.suffix == ".onnx" else source.path
            return verify(file, weights=source.path, runtimes=[target.runtime]).located
        if target.values is not None:
            oracle = source.tested.oracle
            given = golden.answers.inputs(next(iter(golden.pixels.values()))[None])
            shown = target.values(artefact.path, given.normalised)
            layer = first_wrong(oracle.network, oracle.recall(), oracle.images(given), shown)
            return [] if layer is None else [f"First wrong layer: {layer}."]
    return []


def _write_proof(proofs: Sequence[Proof], golden: Golden, artefacts: Sequence[Artefact], folder: Path) -> None:
    """What the self-test compares with."""
    logits = artefacts[0].form.head == "logits"
    bounds = {one.name(folder): golden.bound(one.precision, logits=logits) for one in artefacts}
    answers = golden_answers(golden, proofs, bounds, logits=logits)
    (folder / "golden" / "golden.json").write_text(to_json(answers, indent=0), encoding="utf-8")


def _origin(name: str, source: Source, proofs: Sequence[Proof]) -> dict[str, Any]:
    """Where the bundle comes from, and what its proof found."""
    return {
        "target": name,
        "source": {"file": source.path.name, "sha256": source.sha256, "precision": source.precision},
        MADE_BY: f"resnet-export {__version__}",
        "proofs": as_plain(list(proofs)),
        "schema_version": 1,
    }


def readme(name: str, target: Target, source: Source, artefacts: Sequence[str]) -> str:
    """The bundle's page, with the two commands that a user gives."""
    client = target.client
    files = ", ".join(f"`{one}`" for one in artefacts)
    return f"""# {source.path.stem} for {name}

```console
$ {client.install}
$ {client.run}
```

{client.does} Run it in this folder.

| File | What it is |
|---|---|
| {files} | the network |
| `labels.txt` | the names of the classes, one a line |
| `deploy.json` | what the network takes and gives, how pictures are prepared, where it comes from, and the proof |
| {", ".join(f"`{file}`" for file in client.files)} | the client, to be copied into your product |
| `golden/` | pictures that are easy to get wrong, with the answers that they should have |

`{client.self_test}` answers the golden pictures; its exit code is 0 if all answers are right, and 1 if one is not.
"""
