"""`ExportOptions`: what an export is asked for."""

import os
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, fields
from pathlib import Path
from typing import Any

from resnet_export.errors import UsageError
from resnet_export.graph.interface import ANTIALIASED, Head, Interface, Layout
from resnet_export.network.sizes import Pixels, height_and_width
from resnet_export.progress import Progress
from resnet_export.sources import Source
from resnet_export.spec import ResNetSpec
from resnet_export.targets import SUFFIXES


@dataclass(frozen=True)
class ExportOptions:
    """What an export is asked for. None stands for the default.

    Raises:
        UsageError: an option has an invalid value.
    """

    source: Source = None
    """A `torch.nn.Module` or a `keras.Model`; the path of a checkpoint, of a whole Keras model or of an `.onnx` file;
    `IMAGENET1K_V1` or `IMAGENET1K_V2`, `Weights`, a `ResNetSpec`; None for a He-initialised network."""
    output: str | os.PathLike[str] | None = None
    """The file; by default `resnet<depth>.onnx`, or the name of the source with the suffix `.onnx`."""
    _: KW_ONLY
    model: str | None = None
    """`package.module:callable` or `file.py:callable`, which gives the model that `source`, a checkpoint, is loaded
    into. It is the caller's own code, and is run."""
    framework: str | None = None
    """`torch` or `keras`: whose definition is converted. By default that of the source, else one that is installed."""
    depth: int | None = None
    """18, 34, 50, 101 or 152. This and the next nine are inferred from the weights where they are None; a value that
    contradicts the weights is an error."""
    num_classes: int | None = None
    """Length of the logits."""
    in_channels: int | None = None
    """Channels of the image."""
    image_size: Pixels | None = None
    """Height and width in pixels, one number for both or a pair; that of a `.keras` file or live Keras model, else 224,
    or 32 with the cifar stem."""
    stem: str | None = None
    """`imagenet` or `cifar`."""
    width: int | None = None
    """Channels after the stem."""
    eps: float | None = None
    """Added to the variance in every batch norm. A state_dict can't show it: 1e-5 by default."""
    ema: bool = False
    """Takes the moving average of a checkpoint's weights, where it has one."""
    groups: int | None = None
    """Groups of the 3x3 convolutions of bottlenecks: 32 in ResNeXt-50 32x4d."""
    base_width: int | None = None
    """Inner channels of a group at width 64: 4 in ResNeXt-50 32x4d, 128 in wide ResNet-50-2."""
    stride_on: str | None = None
    """`3x3` or `1x1`: the convolution of a bottleneck that has the stride. A state_dict can't show it: `3x3` by
    default."""
    layout: Layout | None = None
    """Order of the input's axes, `nchw` or `nhwc`; None for `nchw`, or `nhwc` where `preprocess` is `image`."""
    batch: int | None = None
    """Images a run takes; None for any number."""
    dynamic_size: bool = False
    """Leaves height and width open."""
    opset: int | None = None
    """13 to 26; None for 17, or 18 where `preprocess` is `image`."""
    head: Head | None = None
    """`logits`, `probabilities` (the sigmoid of a single logit), `sigmoid` (of each logit, for several labels) or
    `embedding`; None for what the source gives."""
    preprocess: str = "none"
    """`uint8` embeds the normalisation: the file takes raw pixels 0..255. `image` embeds resize and crop too: it takes
    pictures of any size, (batch, height, width, channels)."""
    mean: Sequence[float] | None = None
    """One number per channel, on the scale 0..1."""
    std: Sequence[float] | None = None
    """One number per channel, on the scale 0..1."""
    resize: int | None = None
    """Length of the shorter side before the centre crop, in pixels."""
    interpolation: str | None = None
    """How the resize interpolates."""
    aspect: str | None = None
    """`squashed`: pictures become squares whatever their sides are, and are then not cropped; `kept`: the shorter side
    becomes `resize`, and the middle is cropped out."""
    labels: str | os.PathLike[str] | Sequence[str] | None = None
    """Class names, a text file with one a line, or `imagenet`."""
    images: str | os.PathLike[str] | None = None
    """A folder of pictures that take part in the check."""
    force: bool = False
    """Replaces an existing file."""
    seed: int = 0
    """Seed of the initialisation, where there are no weights."""
    verify: bool = True
    """Checks the file before it gets its name."""
    progress: Progress | None = None
    """Entered around each stage with the stage's name."""

    def __post_init__(self) -> None:
        _ = self.interface  # which checks its own values
        if self.image_size is not None:
            height_and_width(self.image_size)
        path = Path(self.output or "")
        for target, suffix in {"ort": ".ort", **SUFFIXES}.items():
            if path.suffix == suffix:
                made = path.with_suffix(".onnx")
                raise UsageError(
                    f"{path} is a name for {target}'s format, and an .onnx file is made here.",
                    hint=f"Give --output {made}, and then: resnet-export deploy {made} --target {target} "
                    f"--output {path.with_suffix('')}",
                )
        if self.seed and self.source is not None and not isinstance(self.source, ResNetSpec):
            raise UsageError(
                f"seed {self.seed} was asked for, and the weights are given.",
                hint="Leave the seed out: it is that of a new network's weights.",
            )

    @property
    def interface(self) -> Interface:
        """How the file is called."""
        pictures = self.preprocess == "image"
        return Interface(
            self.layout or ("nhwc" if pictures else "nchw"), self.batch, self.dynamic_size, self.head or "logits",
            self.preprocess, self.opset or (ANTIALIASED if pictures else Interface.opset),  # type: ignore[arg-type]
        )  # fmt: skip

    @property
    def specified(self) -> dict[str, Any]:
        """Field of `ResNetSpec` -> its value; None where it was not asked for."""
        return {item.name: getattr(self, item.name) for item in fields(ResNetSpec)}
