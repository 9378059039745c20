"""How the pictures of a source are prepared, as far as it shows that itself."""

from __future__ import annotations

from dataclasses import replace

from resnet_export.images import DESCRIBED, IMAGENET_MEAN, Preprocessing
from resnet_export.sources.scaling import takes_pixels
from resnet_export.sources.trained import Trained

OF_PIXELS = {"mean", "std", "bgr"}


def preparation_of(trained: Trained) -> tuple[Preprocessing, str, set[str]]:
    """(preprocessing, where it comes from in words, its fields that are known): the network's, or the usual one."""
    channels, height, width = trained.network.image
    size = min(height, width)
    default = Preprocessing.default(channels, size)
    said = {name: trained.preprocessing[name] for name in DESCRIBED if name in trained.preprocessing}
    if inside := takes_pixels(trained.network, trained.numbers):
        default = replace(default, mean=(0.0,) * channels, std=(1 / 255,) * channels)
        said = {name: value for name, value in said.items() if name not in OF_PIXELS}
    origin = "ImageNet's" if default.mean == IMAGENET_MEAN else "pixels on the scale 0..1"
    if said:
        origin = trained.preprocessing.get("origin", "what the source says of it")
    if inside:
        origin = ", ".join(["the network scales pixels 0..255 by itself", *([f"the rest {origin}"] if said else [])])
    crop = trained.preprocessing.get("crop", size)
    said["resize"] = max(said.get("resize", default.at_size(crop).resize), crop)
    known = said.keys() & trained.preprocessing.keys() - {*trained.preprocessing.get("assumed", ())}
    return replace(default, **said, crop=crop).at_size(size), origin, known | (OF_PIXELS if inside else set())
