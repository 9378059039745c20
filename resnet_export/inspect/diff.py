"""What tells two files apart: structure, numbers, metadata."""

import os
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import onnx_ir as ir

from resnet_export.data import from_json
from resnet_export.files import sha256
from resnet_export.graph.file import read
from resnet_export.graph.foreign import graph_inputs
from resnet_export.graph.metadata import PREFIX
from resnet_export.inspect.facts import read_opsets, read_ports, read_producer
from resnet_export.inspect.results import Change, ModelDiff
from resnet_export.inspect.structure import changes, constants, match, nodes_of
from resnet_export.inspect.tensors import compare, worst_first


def diff(first: str | os.PathLike[str], second: str | os.PathLike[str]) -> ModelDiff:
    """Reads two files and compares them.

    Nodes are matched by name, or by position and operator where most names are others. Tensors are matched by the
    inputs of the nodes that take them.

    Raises:
        ModelError: one of them is missing, damaged or no ONNX file.
    """
    paths = Path(first), Path(second)
    models = read(paths[0]), read(paths[1])
    by, pairs = match(*models)
    tensors = list(constants(pairs))
    matched = [(one, two) for one, two in tensors if one is not None and two is not None]
    weights = (compare(one.name, one.numbers, two.name, two.numbers) for one, two in matched)
    return ModelDiff(
        paths=(str(paths[0]), str(paths[1])),
        sizes=(paths[0].stat().st_size, paths[1].stat().st_size),
        sha256=(sha256(paths[0]), sha256(paths[1])),
        nodes=(len(nodes_of(models[0])), len(nodes_of(models[1]))),
        tensors=len(matched),
        matched_by=by,
        header=tuple(_header(*models)),
        structure=tuple(changes(*models, pairs)),
        weights=tuple(sorted((change for change in weights if change is not None), key=worst_first)),
        unmatched=(
            tuple(one.name for one, two in tensors if one is not None and two is None),
            tuple(two.name for one, two in tensors if two is not None and one is None),
        ),
        metadata=tuple(_metadata(models[0].metadata_props, models[1].metadata_props)),
    )


def _header(first: ir.Model, second: ir.Model) -> Iterator[Change]:
    """Versions, producer, inputs and outputs."""
    yield from _entry("IR version", first.ir_version, second.ir_version)
    opsets = read_opsets(first), read_opsets(second)
    for domain in sorted(opsets[0].keys() | opsets[1].keys()):
        yield from _entry(f"opset of {domain}", opsets[0].get(domain), opsets[1].get(domain))
    yield from _entry("producer", read_producer(first), read_producer(second))
    for what, mine, its in (
        ("input", graph_inputs(first), graph_inputs(second)),
        ("output", first.graph.outputs, second.graph.outputs),
    ):
        for index, (port, other) in enumerate(zip_longest(read_ports(mine, first), read_ports(its, second))):
            for part in ("name", "dtype", "shape"):
                yield from _entry(f"{what} {index}", getattr(port, part, None), getattr(other, part, None), part)


def _metadata(first: dict[str, str], second: dict[str, str]) -> Iterator[Change]:
    """Key by key; those of a JSON object one by one."""
    for key in sorted(first.keys() | second.keys()):
        mine, its = _decoded(first.get(key)), _decoded(second.get(key))
        name = key.removeprefix(PREFIX)
        if all(one is None or isinstance(one, dict) for one in (mine, its)):
            mine, its = mine or {}, its or {}
            for part in sorted(mine.keys() | its.keys()):
                yield from _entry(f"{name}.{part}", mine.get(part), its.get(part))
        else:
            yield from _entry(name, mine, its)


def _decoded(value: str | None) -> Any:
    """What JSON says, or the text itself."""
    try:
        return None if value is None else from_json(value)
    except ValueError:
        return value


def _entry(where: str, first: Any, second: Any, what: str = "") -> Iterator[Change]:
    if first != second:
        yield Change(where, what, first, second)
