"""What a user hands in -> a trained network: checkpoints, live models, files of whole models, `.onnx` files."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from resnet_export import live
from resnet_export.errors import CheckpointError, MissingDependencyError, UsageError
from resnet_export.live import files, packages
from resnet_export.optional import install_line, is_installed
from resnet_export.sources.checkpoint import of_checkpoint
from resnet_export.sources.folder import read_config
from resnet_export.sources.onnx_file import of_onnx
from resnet_export.sources.reading import of_model
from resnet_export.sources.trained import Trained
from resnet_export.spec import IMAGE_SIZES, ResNetSpec
from resnet_export.weights import Weights
from resnet_export.weights.contents import Contents
from resnet_export.weights.formats import read_own_contents
from resnet_export.weights.formats.keras import read_description
from resnet_export.weights.published import RESIZE, fetch

__all__ = ["Source", "Trained", "load"]

Source = Any
"""A `ResNetSpec`, `Weights`, a path or published name, a `torch.nn.Module` or a `keras.Model`; None: a new network."""


def load(
    source: Source,
    *,
    seed: int = 0,
    code: str | None = None,
    ema: bool = False,
    assumed: Mapping[str, Any] | None = None,
    compared: bool = False,
    **asked: Any,
) -> Trained:
    """Reads a source.

    Args:
        source: what it is read from.
        seed: that of a new network's weights.
        code: `package.module:callable` or `file.py:callable`, which gives the model that `source`, a checkpoint, is
            loaded into. The user's own code is run.
        ema: take the moving average of a checkpoint's weights, where there is one.
        assumed: fields of `ResNetSpec` to take for granted where a checkpoint doesn't show them.
        compared: whether a file is only held against it; see `of_onnx`.
        asked: fields of `ResNetSpec` that the caller insists on, and `image_size` of any network; None means not asked.

    Raises:
        UsageError: it is of another kind, or contradicts what was asked.
        CheckpointError: it cannot be read, or holds another network than was asked for.
        InputError: a model cannot be traced, or has an operator that is not read.
    """
    asked = {name: value for name, value in asked.items() if value is not None}
    if packages.is_named(source):
        code, source = source, None
    if code is not None:
        return _of_code(code, source, asked, ema=ema)
    if live.framework_of(source) is not None:
        model = live.of(source)
        return of_model(model, f"the {model.framework} model", asked)
    if isinstance(source, Weights):
        _refuse_contradiction(source.spec, asked)
        return Trained.of_weights(source, "the weights given", source.assumptions)
    if isinstance(source, ResNetSpec) or source is None:
        spec = source or ResNetSpec(**{"image_size": IMAGE_SIZES.get(asked.get("stem", "imagenet"), 224)} | asked)
        _refuse_contradiction(spec, asked)
        return Trained.of_weights(Weights.initial(spec, seed), f"He initialisation, seed {seed}")
    if not isinstance(source, str | os.PathLike):
        live.of(source)  # which says what it is, where it knows
    return _of_path(os.fspath(source), asked, assumed, ema=ema, compared=compared)


def _of_path(
    name: str, asked: dict[str, Any], assumed: Mapping[str, Any] | None, *, ema: bool, compared: bool
) -> Trained:
    if name.lower().endswith(".pt2"):
        raise CheckpointError(
            f"{name} is a program of torch.export, whose loader unpickles whatever is in it. It was not read.",
            hint="Pass the torch.nn.Module from before it was exported: resnet_export.export(model, 'file.onnx').",
        )
    if name in RESIZE and not Path(name).exists():
        path = fetch(name, asked.get("depth") or ResNetSpec.depth)
        # Nothing is assumed: whose network it is, is published with it.
        return Trained.of_weights(Weights.load(path, **asked), f"{name} ({path.name})")
    if name.lower().endswith(".onnx"):
        return of_onnx(Path(name), asked, compared=compared)
    whole = files.is_whole_model(name) and Path(name).exists()
    if whole and is_installed("keras") and is_installed("tensorflow"):
        trained = of_model(live.of(files.load(name)), Path(name).name, asked)
        return trained.described(read_description(Path(name)), "the training's, in the model's file")
    config = read_config(Path(name))
    if config.architecture is not None:
        return _of_package(f"timm:{config.architecture}", name, asked, ema=ema)
    if isinstance(asked.get("image_size"), tuple):
        raise UsageError(
            f"{name} holds tensors alone, and the network that is read from these takes square images.",
            hint="Give the model that takes others: --model file.py:function beside it, or a file of the whole model.",
        )
    try:
        return of_checkpoint(name, config, asked, assumed, ema=ema)
    except CheckpointError as error:
        if not whole:
            raise
        raise MissingDependencyError(
            f"{name} is a whole Keras model of a network that this package doesn't know by the names of its tensors. "
            "Keras reads such a file, and is not installed.",
            hint=f"Install it with: {install_line('keras')}",
        ) from error


def _of_code(code: str, source: Source, asked: dict[str, Any], *, ema: bool) -> Trained:
    from resnet_export.live import code as user_code
    from resnet_export.live.loading import load_file

    if packages.is_named(code):
        return _of_package(code, source, asked, ema=ema)
    made = user_code.load(code)
    origin = f"the model that {code} gives"
    if source is None:
        return of_model(live.of(made), origin, asked)
    if not isinstance(source, str | os.PathLike):
        raise UsageError(
            f"A {type(source).__name__} can't be loaded into the model of {code}.",
            hint="Give the path of a checkpoint with the names of that model.",
        )
    if live.framework_of(made) == "keras":
        load_file(made, source)
        trained = of_model(live.of(made), f"{origin}, with {Path(source).name}", asked)
        return trained.described(read_description(Path(source)), "the training's, in the checkpoint")
    return _filled(made, origin, read_own_contents(source, ema=ema), Path(source).name, asked)


def _of_package(name: str, source: Source, asked: dict[str, Any], *, ema: bool) -> Trained:
    if source is None:
        return of_model(live.of(packages.load(name)), name, asked)
    config = read_config(Path(source))
    named = config.architecture
    if named is not None and named.partition(".")[0] != name.partition(":")[2].partition(".")[0]:
        raise UsageError(
            f"{name} was asked for, but config.json in {source} is of timm:{named}.",
            hint="Leave that name out, or give the checkpoint without its folder.",
        )
    contents = read_own_contents(source, ema=ema)
    asked = {**asked, "image_size": asked.get("image_size") or config.preprocessing.get("crop")}
    trained = _filled(packages.load(name, contents.tensors), name, contents, Path(source).name, asked)
    return config.completed(trained)


def _filled(made: Any, origin: str, contents: Contents, file: str, asked: Mapping[str, Any]) -> Trained:
    """A module that was made, with a checkpoint's numbers and what else that says."""
    from resnet_export.live.loading import load_strictly

    load_strictly(made, contents.tensors, contents.named)
    shown = contents.findings(file).get("image_size")
    asked = {**asked, "image_size": asked.get("image_size") or (shown and shown.value)}
    said = {"args": contents.args, "file": file}
    trained = of_model(live.of(made), f"{origin}, with {'; '.join((file, *contents.notes))}", asked, said)
    return trained.completed_by(contents)


def _refuse_contradiction(spec: ResNetSpec, asked: dict[str, Any]) -> None:
    for name, value in asked.items():
        if value != getattr(spec, name):
            raise UsageError(
                f"{name} {value!r} was asked for, and the source has {getattr(spec, name)!r}.",
                hint=f"Leave {name} out, or pass another source.",
            )
