"""A checkpoint without its model -> a trained network: a specification's, or a variant that its tensors show."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from resnet_export.errors import CheckpointError, quote_some
from resnet_export.network.residual import Residual
from resnet_export.sources.configurations import of_live
from resnet_export.sources.folder import Configuration, refuse_contradiction
from resnet_export.sources.trained import Trained
from resnet_export.spec import VARIANTS, ResNetSpec
from resnet_export.weights import Weights
from resnet_export.weights.canonical import in_float32
from resnet_export.weights.contents import Contents
from resnet_export.weights.designs import assumptions_of, design_of, faults_of, title_of
from resnet_export.weights.formats import read_contents
from resnet_export.weights.infer import MODEL_ITSELF, infer_spec
from resnet_export.weights.naming.families import PROJECTION
from resnet_export.weights.naming.torch import COUNTER

NOT_SHOWN = ("eps", "stride_on", "image_size")
"""Fields of a specification that no tensor shows."""
HEADS = ("fc.", PROJECTION, "projection_head.", "projector.", "predictor.", "prototypes.")
"""How the names of a head begin: of a classifier, and of what stands there in self-supervised training."""


def of_checkpoint(
    path: str,
    config: Configuration,
    asked: Mapping[str, Any],
    assumed: Mapping[str, Any] | None = None,
    *,
    ema: bool = False,
) -> Trained:
    """Reads a checkpoint, beside which `config` stands.

    `asked` are the fields of `ResNetSpec` that the caller insists on; those in `assumed` are taken for granted where
    the checkpoint doesn't show them. With `ema`, the moving average of the weights is taken, where there is one.

    Raises:
        CheckpointError: it cannot be read, or is of no known family, or of another network than was asked for.
    """
    refuse_contradiction(config, asked)
    contents = read_contents(path, ema=ema)
    shown = {**contents.findings(Path(path).name), **config.facts}
    origin = _origin(path, contents.notes)
    trained = _variant(contents, origin, {name: one.value for name, one in shown.items()}, asked, assumed or {})
    if trained is None:
        weights = Weights.of_contents(contents, os.fspath(path), shown, assumed, **asked)
        trained = Trained.of_weights(weights, origin, weights.assumptions)
    if contents.args:
        said = {"args": contents.args, "file": Path(path).name}
        trained = replace(trained, preprocessing=of_live(said, *trained.network.image[:2]))
    if contents.named is not None and trained.headless is None:
        named = f"it calls itself {contents.named}; timm:{contents.named} --weights FILE knows timm's preparation too"
        trained = replace(trained, origin=_origin(path, (*contents.notes, named)))
    return config.completed(trained.completed_by(contents))


def _origin(path: str, notes: Sequence[str]) -> str:
    """`model.ckpt (its names stand behind 'model.')`."""
    name = Path(path).name or str(path)
    return f"{name} ({'; '.join(notes)})" if notes else name


def _variant(
    contents: Contents, origin: str, shown: Mapping[str, Any], asked: Mapping[str, Any], assumed: Mapping[str, Any]
) -> Trained | None:
    """The network of tensors that no specification has; None where one has them, or where they are no ResNet's."""
    facts = {**contents.usual, **assumed, **shown, **asked}
    tensors = {name: array for name, array in contents.tensors.items() if not name.endswith(COUNTER)}
    tensors, headless = _without_unknown_head(tensors)
    shapes = {name: array.shape for name, array in tensors.items()}
    design = design_of(shapes, **{name: facts[name] for name in NOT_SHOWN if name in facts})
    if design is None or _is_specified(tensors):
        return None
    faults = faults_of(design.network.parameters, shapes)
    if faults:
        networks = (design.network, *(ResNetSpec(depth).network for depth in VARIANTS))
        own, *others = (len(set(one.parameters) ^ set(shapes)) for one in networks)
        if own < min(others):  # they are more nearly those of the design than those of any specification
            raise CheckpointError(f"{origin} is {title_of(design)}, but {'; '.join(faults)}.", hint=MODEL_ITSELF)
        return None
    _refuse_claims(design, asked, origin)
    assumptions = assumptions_of(design, {*asked, *shown}, contents.family)
    numbers = in_float32(tensors, design.network.parameters, origin)
    return Trained(
        design.network, numbers, None, origin, assumptions, name=title_of(design),
        headless=headless if design.classes is None else None,
    )  # fmt: skip


def _without_unknown_head(tensors: dict[str, NDArray[Any]]) -> tuple[dict[str, NDArray[Any]], str]:
    """(the tensors without those of a head of several layers, why the network ends without one)."""
    heads = [name for name in tensors if name.startswith(HEADS) and "fc.weight" not in tensors]
    if not heads:
        return tensors, "has no classifier (fc.weight): it ends with the pooled features"
    left = {name: array for name, array in tensors.items() if name not in heads}
    if f"{PROJECTION}weight" in heads:
        return left, "has no classifier: its fc is the projection of contrastive training"
    return left, f"has a head of several layers ({quote_some(heads)}), and no tensor shows what stands between them"


def _refuse_claims(design: Residual, asked: Mapping[str, Any], origin: str) -> None:
    claims = {"num_classes": design.classes, "in_channels": design.image[0], "width": design.stem[-1].channels}
    for name, value in asked.items():
        if name not in NOT_SHOWN and claims.get(name) != value:
            raise CheckpointError(
                f"{name} {value!r} was asked for, and {origin} is {title_of(design)}"
                + (f" with {name} {claims[name]!r}." if name in claims else "."),
                hint=f"Leave {name} out.",
            )


def _is_specified(tensors: Mapping[str, NDArray[Any]]) -> bool:
    """Whether the tensors have the names of a specification's, or would have but for a few."""
    try:
        spec = infer_spec(tensors, origin="the checkpoint")
    except CheckpointError:
        return False
    return spec.parameters.keys() == tensors.keys()
