"""A folder of Hugging Face's hub: a checkpoint, with the configuration that says what no tensor shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from resnet_export.data import from_json
from resnet_export.errors import CheckpointError, UsageError
from resnet_export.labels import of_json
from resnet_export.sources.configurations import of_processor, of_timm
from resnet_export.sources.trained import Trained
from resnet_export.weights.description import Finding
from resnet_export.weights.infer import MODEL_ITSELF

CONFIG, PROCESSOR = "config.json", "preprocessor_config.json"
READ = "resnet"
"""The `model_type` of the networks that are read from their configuration."""
CLASS, ACTIVATION = "ResNetForImageClassification", frozenset({"activation"})
"""Among `architectures`, the class that decides all of the network; and what `hidden_act` alone decides."""
FIXED = ACTIVATION | {"stem", "anti-aliasing", "padding", "dilation", "pooling", "surroundings"}
"""Names of assumptions that the class makes needless."""


@dataclass(frozen=True)
class Configuration:
    """What a configuration says."""

    facts: Mapping[str, Finding] = field(default_factory=dict)
    """Fields of `ResNetSpec`."""
    labels: tuple[str, ...] | None = None
    architecture: str | None = None
    """The model of timm that it is."""
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `Preprocessing`."""
    fixed: frozenset[str] = frozenset()
    """Names of assumptions that need not be made: the class that it names decides."""

    def completed(self, trained: Trained) -> Trained:
        """The source with what the configuration says besides."""
        return replace(
            trained,
            labels=self.labels if self.labels is not None else trained.labels,
            preprocessing=self.preprocessing or trained.preprocessing,
            assumptions=tuple(one for one in trained.assumptions if one.name not in self.fixed),
        )


def read_config(folder: Path) -> Configuration:
    """Reads the configurations in a folder; nothing of a file, or where there is none.

    Raises:
        CheckpointError: it can't be read, or is of a network that is not read from its configuration.
    """
    data, prepared = _read_json(folder / CONFIG), _read_json(folder / PROCESSOR)
    preprocessing: Mapping[str, Any] = {}
    if prepared:
        preprocessing = {**of_processor(prepared), "origin": PROCESSOR}
    elif data.get("pretrained_cfg"):
        preprocessing = {**of_timm(data), "origin": CONFIG}
    facts = {"image_size": Finding(preprocessing["crop"], f"{preprocessing['origin']} has it")} if preprocessing else {}
    try:
        labels = of_json(data) if "id2label" in data else None
    except ValueError as error:
        raise _unreadable(folder / CONFIG, error) from error
    if "architecture" in data:
        names = data.get("label_names")
        return Configuration(facts, labels or (tuple(names) if names else None), data["architecture"], preprocessing)
    facts |= _of_hugging_face(data, folder / CONFIG)
    fixed = frozenset() if "model_type" not in data else FIXED if CLASS in data.get("architectures", ()) else ACTIVATION
    return Configuration(facts, labels, None, preprocessing, fixed)


def _read_json(path: Path) -> dict[str, Any]:
    """An object in JSON; an empty one where there is no such file."""
    if not path.is_file():
        return {}
    try:
        data = from_json(path.read_text(encoding="utf-8"))
        if not isinstance(data, dict):
            raise ValueError("it is no JSON object")
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    return data


def _unreadable(path: Path, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"{path} cannot be read as a configuration: {error}.", hint="Copy or download the folder again."
    )


def _of_hugging_face(data: Mapping[str, Any], path: Path) -> dict[str, Finding]:
    kind, activation = data.get("model_type"), data.get("hidden_act", "relu")
    if kind is None:
        return {}
    what = None
    if kind != READ:
        what = f"a network of the kind {kind!r}"
    elif activation != "relu":
        what = f"a ResNet with the activation {activation!r}"
    elif data.get("downsample_in_first_stage"):
        what = "a ResNet with a stride in its first stage"
    if what is not None:
        raise CheckpointError(
            f"{path} is the configuration of {what}, which a checkpoint alone doesn't show.", hint=MODEL_ITSELF
        )
    bottleneck = data.get("layer_type", "bottleneck") == "bottleneck"
    place = "1x1" if bottleneck and data.get("downsample_in_bottleneck") else "3x3"
    return {
        "eps": Finding(1e-5, f"{path.name} is of a network with eps 1e-05"),
        "stride_on": Finding(place, f"{path.name} has the stride on the {place} convolutions"),
    }


def refuse_contradiction(config: Configuration, asked: Mapping[str, Any]) -> None:
    """Refuses an option that the configuration contradicts.

    Raises:
        UsageError: one does.
    """
    for name, finding in config.facts.items():
        if name in asked and asked[name] != finding.value and name != "image_size":  # others run too
            raise UsageError(
                f"--{name.replace('_', '-')} {asked[name]} was asked for, but {finding.evidence}.",
                hint="Leave that option out, or give the checkpoint without its folder.",
            )
