"""How the pictures of a source are prepared, as far as it shows that itself."""

from __future__ import annotations

from dataclasses import replace

from resnet_export.images import ADJUSTABLE, IMAGENET_MEAN, Preprocessing
from resnet_export.sources.scaling import takes_pixels
from resnet_export.sources.trained import Trained


def preparation_of(trained: Trained) -> tuple[Preprocessing, str, set[str]]:
    """(preprocessing, where it comes from in words, its fields that are known): the network's, or the usual one."""
    channels, height, width = trained.network.image
    default = Preprocessing.default(channels, min(height, width))
    if takes_pixels(trained.network, trained.numbers):
        pixels_as_they_are = replace(default, mean=(0.0,) * channels, std=(1 / 255,) * channels)
        return pixels_as_they_are, "the network scales pixels 0..255 by itself", {"mean", "std"}
    said = {name: trained.preprocessing[name] for name in ADJUSTABLE if name in trained.preprocessing}
    if said:
        said["resize"] = max(said.get("resize", default.resize), default.crop)
        return replace(default, **said), "what the source says of it", set(said)
    return default, "ImageNet's" if default.mean == IMAGENET_MEAN else "pixels on the scale 0..1", set()
