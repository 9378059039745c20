"""How pictures are prepared, read where it is written: `preprocessor_config.json`, timm's configurations, and others.

Each function gives fields of `Preprocessing` as a mapping; `crop` is the size of the images that it was read for.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from resnet_export.errors import CheckpointError
from resnet_export.images import IMAGENET_MEAN, IMAGENET_STD

HALVES = (0.5,) * 3
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
RESAMPLING = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}
"""Pillow's numbers, as far as we have them."""
CONVNEXT_SQUASHES = 384
"""Pixels from which on ConvNext's processor crops nothing."""
COMMON = {
    "do_resize": True, "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True, "do_center_crop": False,
    "image_mean": HALVES, "image_std": HALVES, "resample": 3, "crop_size": 224,
}  # fmt: skip
PROCESSORS: dict[str, dict[str, Any]] = {
    "Bit": {"size": {"shortest_edge": 224}, "do_center_crop": True, "image_mean": CLIP_MEAN, "image_std": CLIP_STD},
    "ConvNext": {"size": {"shortest_edge": CONVNEXT_SQUASHES}, "crop_pct": 224 / 256},
    "ViT": {"size": 224, "resample": 2},
}
"""Processor of Hugging Face's package -> what holds where its file says nothing. ResNets come with these."""
SHORTEST_EDGES = ("Bit", "ConvNext")
"""Processors of which a size without a name is that of the shorter side."""
TIMM = {
    "mean": IMAGENET_MEAN, "std": IMAGENET_STD, "interpolation": "bicubic", "crop_pct": 0.875, "crop_mode": "center",
}  # fmt: skip
"""What timm takes where a configuration says nothing."""
SHOWN = {
    "mean": ("mean",), "std": ("std",), "interpolation": ("interpolation",), "crop_mode": ("aspect",),
    "crop_pct": ("resize", "crop"),
}  # fmt: skip
"""Name in timm's configurations -> the fields that it decides, where there is no configuration but the args."""

CAFFE = {
    "bgr": True,
    "mean": tuple(mean / 255 for mean in (103.939, 116.779, 123.68)),
    "std": (1 / 255,) * 3,
}
KERAS_MODES: dict[str, dict[str, Any]] = {
    "resnet50 resnet101 resnet152 vgg16 vgg19": CAFFE,
    "densenet121 densenet169 densenet201": {"mean": IMAGENET_MEAN, "std": IMAGENET_STD},
    "resnet50v2 resnet101v2 resnet152v2 xception inception_v3 inception_resnet_v2 mobilenet mobilenetv2 nasnet_mobile "
    "nasnet_large": {"mean": HALVES, "std": HALVES},
}
KERAS = {name: mode for names, mode in KERAS_MODES.items() for name in names.split()}
"""Name of a network of keras.applications -> what its `preprocess_input` does with the pixels."""
WITHOUT_FOLDER = (
    "Give the checkpoint without its folder, and the nearest preparation: --mean, --std, --resize and "
    "--interpolation. One of timm's takes --model timm:NAME too."
)
WIDTH_AND_SIZE = r"_[\d.]+_\d+$"
"""What stands behind the name of a MobileNet, such as `_1.00_224`."""


def of_live(said: Mapping[str, Any], channels: int, size: int) -> dict[str, Any]:
    """Of what a model and its checkpoint say, and `origin`: where it comes from, in words.

    `said` is as of `LiveModel.configuration`, with `args`, `Contents.args` of the checkpoint `file`; `size` is that of
    a side of the images in pixels. Names of fields that the model only makes likely stand in `assumed`.
    """
    found: dict[str, Any] = {}
    if said.get("timm") or said.get("args"):
        found = _of_timms(said.get("timm", {}), said.get("args", {}), str(said.get("file")), size)
    names = (re.sub(WIDTH_AND_SIZE, "", name) for name in said.get("keras", ()))
    if known := next((name for name in names if name in KERAS), None):
        found = {**KERAS[known], "assumed": tuple(KERAS[known])}
        found["origin"] = f"that of keras.applications for {known}"
    if len(found.get("mean", found.get("std", ()))) != channels:  # timm's in_chans leaves them as they were
        found = {field: value for field, value in found.items() if field not in ("mean", "std", "bgr")}
    return found


def _of_timms(own: Mapping[str, Any], args: Mapping[str, Any], file: str, size: int) -> dict[str, Any]:
    """Of a `pretrained_cfg`, and of what the training was called with, which wins; either may be empty."""
    configuration = {**own, **args}
    origin = ", and ".join([f"the args in {file}"] * bool(args) + ["timm's pretrained_cfg"] * bool(own))
    tested = configuration.get("test_input_size")
    if tested is not None and size != tested[1] == tested[2]:
        origin += f" (timm tests its own weights at {tested[1]}: --image-size {tested[1]})"
    try:
        found = of_timm(configuration, size)
    except CheckpointError:  # the network can be exported all the same
        moments = {name: configuration[name] for name in ("mean", "std") if configuration.get(name)}
        return {**moments, "origin": f"{origin}, whose resize isn't supported"}
    known = found if own else [field for name, fields in SHOWN.items() if name in args for field in fields]
    return {**{field: found[field] for field in known}, "origin": origin}


def of_timm(configuration: Mapping[str, Any], size: int | None = None) -> dict[str, Any]:
    """That of timm's `pretrained_cfg`, or of a `config.json` with one inside, as `timm.data.create_transform` has it.

    `size` is that of the images in pixels, None for that of its training. At that of its test, the crop of its test
    holds.

    Raises:
        CheckpointError: it is a preparation that isn't supported.
    """
    found = configuration.get("pretrained_cfg") or configuration
    known = {**TIMM, **{name: value for name, value in found.items() if value is not None}}
    trained, tested = _square(known, "input_size"), _square(known, "test_input_size")
    crop = size or trained or 224
    share = known["crop_pct"]
    if crop == tested != trained:
        share = known.get("test_crop_pct") or share
    if known["crop_mode"] not in ("center", "squash"):
        raise _unsupported(f"crop_mode {known['crop_mode']!r}, of timm's configuration")
    if share > 1:
        raise _unsupported(f"a crop_pct of {share:g}, which pads, of timm's configuration")
    return {
        "resize": math.floor(crop / share),
        "crop": crop,
        "aspect": "squashed" if known["crop_mode"] == "squash" else "kept",
        "interpolation": _named(known["interpolation"], RESAMPLING.values()),
        "mean": tuple(map(float, known["mean"])),
        "std": tuple(map(float, known["std"])),
    }


def of_processor(data: Mapping[str, Any]) -> dict[str, Any]:
    """That of a `preprocessor_config.json`, as the processor of Hugging Face's package that it names does it.

    Raises:
        CheckpointError: the processor is none that is known, or does what isn't supported.
    """
    if "pretrained_cfg" in data:  # TimmWrapper's
        return of_timm(data)
    kind = _processor(data)
    known = {**COMMON, **PROCESSORS[kind], **{name: value for name, value in data.items() if value is not None}}
    for name in ("do_resize", "do_pad"):
        if bool(known.get(name, False)) != (name == "do_resize"):
            raise _unsupported(f"{name} {str(known.get(name)).lower()}, of the processor {kind}")
    mean, std = _moments(known)
    return {
        **_sizes(kind, known),
        "interpolation": _named(known["resample"], RESAMPLING),
        "half": "down",
        "mean": mean,
        "std": std,
    }


def _processor(data: Mapping[str, Any]) -> str:
    """The key of `PROCESSORS`: the names of a class were others over the years."""
    named = data.get("image_processor_type") or data.get("feature_extractor_type")
    if named is None:
        raise CheckpointError(
            "preprocessor_config.json does not name its processor: image_processor_type is missing.",
            hint=WITHOUT_FOLDER,
        )
    for suffix in ("Fast", "Pil", "ImageProcessor", "FeatureExtractor"):
        named = str(named).removesuffix(suffix)
    found = next((kind for kind in PROCESSORS if kind.lower() == named.lower()), None)
    if found is None:
        raise _unsupported(f"the processor {named}, of preprocessor_config.json")
    return found


def _sizes(kind: str, known: Mapping[str, Any]) -> dict[str, Any]:
    """Resize, crop and what becomes of the aspect ratio."""
    side, shorter = _length(known["size"], kind)
    if kind == "ConvNext":
        if side >= CONVNEXT_SQUASHES:
            return {"resize": side, "crop": side, "aspect": "squashed"}
        return {"resize": int(side / known["crop_pct"]), "crop": side, "aspect": "kept"}
    crop = _length(known["crop_size"], "")[0] if known["do_center_crop"] else side
    if shorter and not known["do_center_crop"]:
        raise _unsupported(f"a shorter side of {side} pixels without a crop, of the processor {kind}")
    if crop > side:
        raise _unsupported(f"a crop of {crop} from {side} pixels, which pads, of the processor {kind}")
    return {"resize": side, "crop": crop, "aspect": "kept" if shorter else "squashed"}


def _length(size: Any, kind: str) -> tuple[int, bool]:
    """(pixels of a side, whether it is that of the shorter side)."""
    if isinstance(size, Mapping):
        given = {name: value for name, value in size.items() if value is not None}
        if given.keys() == {"shortest_edge"}:
            return int(given["shortest_edge"]), True
        if given.keys() == {"height", "width"} and given["height"] == given["width"]:
            return int(given["height"]), False
    elif isinstance(size, int):
        return size, kind in SHORTEST_EDGES
    elif isinstance(size, Sequence) and len({*size}) == 1:
        return int(size[0]), False
    raise _unsupported(f"the size {size}, of preprocessor_config.json")


def _moments(known: Mapping[str, Any]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation on the scale 0..1, of all that is done to a pixel."""
    factor = known["rescale_factor"] if known["do_rescale"] else 1.0
    mean, std = (_channels(known[name]) for name in ("image_mean", "image_std"))
    if not known["do_normalize"]:
        mean, std = (0.0,) * len(mean), (1.0,) * len(std)
    scale = 255 * factor
    if math.isclose(scale, 1, rel_tol=1e-6):  # as a file has it that was written with fewer digits
        scale = 1.0
    return tuple(number / scale for number in mean), tuple(number / scale for number in std)


def _channels(numbers: Any) -> tuple[float, ...]:
    return (float(numbers),) * 3 if isinstance(numbers, int | float) else tuple(map(float, numbers))


def _square(known: Mapping[str, Any], name: str) -> int | None:
    """The side of images that are square; None where there is none."""
    size = known.get(name)
    if size is None:
        return None
    if size[-1] != size[-2]:
        raise _unsupported(f"{name} {size[-2]} x {size[-1]}, of timm's configuration")
    return int(size[-1])


def _named(interpolation: Any, known: Any) -> str:
    if interpolation not in known:
        raise _unsupported(f"the interpolation {interpolation}")
    return str(RESAMPLING.get(interpolation, interpolation))


def _unsupported(what: str) -> CheckpointError:
    message = f"The source prepares its pictures in a way that isn't supported: {what}."
    return CheckpointError(message, hint=WITHOUT_FOLDER)
