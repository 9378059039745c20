"""What families of networks call their layers: one table each, read from top to bottom, to torchvision's names.

    resnet.encoder.stages.0.layers.1.layer.0.convolution     layer1.1.conv1            Hugging Face
    conv2_block1_0_bn                                        layer1.0.downsample.1     keras.applications
    backbone.layer1.0.conv1                                  layer1.0.conv1            an attribute before them

In a table {S}, {B} and {I} are whole numbers: of a stage, a block and a layer in it. What stands in brackets may be
missing.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from numpy.typing import NDArray

from resnet_export.errors import quote_some
from resnet_export.network import NORM_ROLES
from resnet_export.weights.contents import Contents
from resnet_export.weights.naming.torch import COUNTER

Table = tuple[tuple[str, str], ...]
"""(a layer's name in the family, torchvision's)."""

TORCHVISION: Table = tuple(
    (name, name)
    for name in (
        "conv1", "conv1.{I}", "bn1", "maxpool.{I}", "layer{S}.{B}.conv{I}", "layer{S}.{B}.bn{I}",
        "layer{S}.{B}.downsample.{I}", "layer{S}.{B}.se.fc{I}", "layer{S}.{B}.se.conv", "fc", "fc.{I}",
    )
)  # fmt: skip
CIFAR: Table = (
    ("layer{S}.{B}.shortcut.{I}", "layer{S}.{B}.downsample.{I}"),
    ("linear", "fc"),
    *TORCHVISION,
)
HUGGING_FACE: Table = (
    ("[resnet.]embedder.embedder.convolution", "conv1"),
    ("[resnet.]embedder.embedder.normalization", "bn1"),
    ("[resnet.]encoder.stages.{S}.layers.{B}.layer.{I}.convolution", "layer{S+1}.{B}.conv{I+1}"),
    ("[resnet.]encoder.stages.{S}.layers.{B}.layer.{I}.normalization", "layer{S+1}.{B}.bn{I+1}"),
    ("[resnet.]encoder.stages.{S}.layers.{B}.shortcut.convolution", "layer{S+1}.{B}.downsample.0"),
    ("[resnet.]encoder.stages.{S}.layers.{B}.shortcut.normalization", "layer{S+1}.{B}.downsample.1"),
    ("classifier.1", "fc"),
)
KERAS_APPLICATIONS: Table = (
    ("conv1_conv", "conv1"),
    ("conv1_bn", "bn1"),
    ("conv{S}_block{B}_0_conv", "layer{S-1}.{B-1}.downsample.0"),
    ("conv{S}_block{B}_0_bn", "layer{S-1}.{B-1}.downsample.1"),
    ("conv{S}_block{B}_{I}_conv", "layer{S-1}.{B-1}.conv{I}"),
    ("conv{S}_block{B}_{I}_bn", "layer{S-1}.{B-1}.bn{I}"),
    ("predictions", "fc"),
    ("probs", "fc"),
)
KERAS_HUB: Table = tuple(  # which counts from 0
    (name.replace("conv{S}", "stack{S}"), new.replace("{S-1}.{B-1}", "{S+1}.{B}")) for name, new in KERAS_APPLICATIONS
)
FASTAI: Table = (
    ("1.{I}", "head.{I}"),
    ("0.0", "conv1"),
    ("0.1", "bn1"),
    ("0.{S}.{B}.conv{I}", "layer{S-3}.{B}.conv{I}"),
    ("0.{S}.{B}.bn{I}", "layer{S-3}.{B}.bn{I}"),
    ("0.{S}.{B}.downsample.{I}", "layer{S-3}.{B}.downsample.{I}"),
    *((f"0.model.{name}", name) for name, _ in TORCHVISION if not name.startswith("fc")),  # of timm, inside it
)
CHILDREN: Table = (
    ("0", "conv1"),
    ("1", "bn1"),
    *((f"{{S}}.{{B}}.{layer}", f"layer{{S-3}}.{{B}}.{layer}") for layer in ("conv{I}", "bn{I}", "downsample.{I}")),
)
NAMINGS: Mapping[str, Table] = {
    "torchvision": TORCHVISION,
    "the usual networks for CIFAR": CIFAR,
    "Hugging Face's ResNet": HUGGING_FACE,
    "keras.applications": KERAS_APPLICATIONS,
    "keras-hub": KERAS_HUB,
    "fastai": FASTAI,
    "nn.Sequential(*resnet.children())": CHILDREN,
}
"""Family -> its table. timm's names are torchvision's, and more."""
USUAL: Mapping[str, Mapping[str, Any]] = {"keras.applications": {"eps": 1.001e-5, "stride_on": "1x1"}}
"""Family -> what is usual in it and not in torchvision, of bottlenecks."""
AVERAGED = re.compile(r"(?<![a-z])ema(?![a-z])|momentum|encoder_k|teacher|target")
"""In what stands before the names of a moving average of the weights, such as MoCo's second encoder."""
CONTRASTED = re.compile(r"encoder_[qk]\.$")
"""How what stands before the names of MoCo's encoders ends: version 1 projects by a single layer `fc`, which is no
classifier."""
PROJECTION = "projection."
"""What stands before the names of that layer's tensors instead."""
OTHERS: Table = (
    (r"preact_bn|pre_activation_bn", "a ResNet v2, whose norms stand before its convolutions"),
    (r"stages\.\d+\.blocks\.\d+\.norm1", "timm's ResNetV2"),
    (r"attn\.qkv|self_attention|attention\.attention|relative_position", "a Vision Transformer"),
    (r"denseblock", "a DenseNet"),
    (r"conv_dw|depthwise|_dw\b|conv_pw|features\.\d+\.conv\.0\.0", "a MobileNet, EfficientNet or kin"),
    (r"dwconv|pwconv", "a ConvNeXt"),
    (r"^features\.\d+\.(weight|bias)$|block\d_conv\d", "a VGG or AlexNet"),
    (r"layer\d\.\d+\.convs\.|layer\d\.\d+\.conv2\.conv", "a Res2Net, ResNeSt or SKNet"),
)
"""What stands in the names of other networks, and what they are: the first that fits."""
CLASSIFIER = re.compile(r"(.*\.)?(fc|head|classifier|linear|cls|logits|output|out|dense(_\d+)?|predictions|\d+)")
"""What a layer is called, somewhere in a user's own module, that is its classifier if it is the only dense one."""
BESIDE = re.compile(r"loss|criterion|metric|_acc|class_weight|pos_weight")
"""In the names of what training keeps beside the network."""
CORE = ("conv1", "layer1.0.conv1", "layer2.0.conv1")
"""How names begin that every family has, whatever else."""


def canonical_name(name: str, table: Table) -> str | None:
    """A tensor's name as torchvision has it; None where the family has no such tensor."""
    layer, _, role = name.rpartition(".")
    if role not in NORM_ROLES:
        return None
    for pattern, template in table:
        match = _pattern(pattern).fullmatch(layer)
        if match is not None:
            return f"{_filled(template, match)}.{role}"
    return None


def other_network(names: Iterable[str]) -> str | None:
    """What tensors are of that are no ResNet's, in words; None where their names don't tell."""
    text = "\n".join(names)
    return next((title for pattern, title in OTHERS if re.search(pattern, text, re.MULTILINE)), None)


@cache
def _pattern(text: str) -> re.Pattern[str]:
    escaped = re.escape(text).replace(r"\[", "(?:").replace(r"\]", ")?")
    return re.compile(re.sub(r"\\\{(\w)\\\}", r"(?P<\1>\\d+)", escaped))


def _filled(template: str, match: re.Match[str]) -> str:
    """The template with the numbers of a match, `{S+1}` being one more than that of the stage."""
    return re.sub(r"\{(\w)([+-]\d+)?\}", lambda place: str(int(match[place[1]]) + int(place[2] or 0)), template)


def in_canonical_names(contents: Contents, *, ema: bool = False) -> Contents:
    """The tensors under torchvision's names, where they are a known family's, behind one prefix or none.

    What stands beside that prefix is left out, and said; without a prefix nothing is. Tensors of no known family keep
    their names. With `ema`, those of a moving average are taken, where there are others too.
    """
    names = [name for name in contents.tensors if not name.endswith(COUNTER)]
    for prefix in _prefixes(names, ema=ema):
        own = [name for name in names if name.startswith(prefix)]
        for family, table in NAMINGS.items():
            named = {name: canonical_name(name.removeprefix(prefix), table) for name in own}
            found = {name: new for name, new in named.items() if new is not None}
            if not all(any(new.startswith(one) for new in found.values()) for one in CORE):
                continue
            classifier = _classifier(contents.tensors, found, [name for name in names if name not in found])
            if len(found) + len(classifier.keys() & set(own)) == len(own):
                notes = [f"its classifier is {name.removesuffix('.weight')!r}" for name in list(classifier)[:1]]
                noted = replace(contents, notes=(*contents.notes, *notes))
                return _renamed(noted, found | classifier, prefix, family)
    return contents


def _classifier(tensors: Mapping[str, NDArray[Any]], found: Mapping[str, str], others: list[str]) -> dict[str, str]:
    """Name -> torchvision's, of a classifier by another name; nothing where there is one, or others of any layer."""
    left = [name for name in others if not _is_left_out(name)]
    layer = left[0].rpartition(".")[0] if left else ""
    names = {f"{layer}.weight": "fc.weight", f"{layer}.bias": "fc.bias"}
    headed = any(new.startswith(("fc.", "head.")) for new in found.values())
    if headed or names.keys() != set(left) or not CLASSIFIER.fullmatch(layer):
        return {}
    features = max((len(tensors[name]) for name in found if tensors[name].ndim == 1), default=0)
    return names if tensors[f"{layer}.weight"].shape[1:] == (features,) else {}


def _prefixes(names: list[str], *, ema: bool) -> Iterator[str]:
    """No prefix, then what stands before tensors' names: that of an average last or first, else the most frequent."""
    yield ""
    counts = Counter[str]()
    for name in names:
        parts = name.split(".")
        counts.update(".".join(parts[:depth]) + "." for depth in range(1, len(parts) - 1))
    yield from sorted(counts, key=lambda one: ((AVERAGED.search(one) is None) == ema, -counts[one], len(one)))


def _renamed(contents: Contents, found: Mapping[str, str], prefix: str, family: str) -> Contents:
    notes, beside = [], [name for name in contents.tensors if name not in found and not name.endswith(COUNTER)]
    if prefix:
        notes.append(f"its names stand behind {prefix!r}")
        if beside:
            notes.append(f"{quote_some(beside)} beside them {'was' if len(beside) == 1 else 'were'} left out")
    if family != "torchvision":
        notes.append(f"its names are those of {family}")
    tensors = _with_plain_head({new: contents.tensors[name] for name, new in found.items()})
    if CONTRASTED.search(prefix) and "fc.weight" in tensors:
        tensors = {name.replace("fc.", PROJECTION) if name.startswith("fc.") else name: array
                   for name, array in tensors.items()}  # fmt: skip
    usual = USUAL.get(family, {}) if "layer1.0.conv3.weight" in tensors else {}
    return replace(
        contents,
        tensors=tensors,
        notes=(*contents.notes, *notes),
        family=family if family != "torchvision" else None,
        usual=usual,
        unplaced=_unplaced(contents, beside, prefix, found) if "fc.weight" in tensors else (),
    )


def _unplaced(contents: Contents, beside: Iterable[str], prefix: str, found: Mapping[str, str]) -> tuple[str, ...]:
    """Tensors beside a whole network that may change its answers: no second set of its weights, and not training's."""
    own = tuple(name.removeprefix(prefix) for name in found) if AVERAGED.search(prefix) else ()
    return tuple(
        name
        for name in beside
        if contents.tensors[name].dtype.kind not in "iub" and not _is_left_out(name) and not name.endswith(own)
    )


def _is_left_out(name: str) -> bool:
    """Whether a tensor beside the network's is an average's, or what training alone needs."""
    return AVERAGED.search(name) is not None or BESIDE.search(name) is not None


def _with_plain_head(tensors: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """`fc.1.weight` -> `fc.weight`, where the classifier is the one layer with numbers among several."""
    heads = {name.rpartition(".")[0] for name in tensors if name.startswith("fc.")}
    if len(heads) != 1 or heads == {"fc"}:
        return tensors
    before = f"{heads.pop()}."
    return {name.replace(before, "fc.") if name.startswith(before) else name: tensors[name] for name in tensors}
