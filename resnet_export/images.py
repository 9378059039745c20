"""Pictures to arrays, exactly as a file's metadata says: decode, resize, crop, scale, normalise.

    normalised = (pixel / 255 - mean) / std        per channel

By default the resize and the crop are torchvision's evaluation transforms: the shorter side becomes `resize` pixels
with antialiasing, then the middle `crop` x `crop` pixels are cut out.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from resnet_export.data import Plain
from resnet_export.errors import ImageError, UsageError

if TYPE_CHECKING:
    from PIL import Image

Interpolation = Literal["bilinear", "bicubic", "nearest", "lanczos"]
INTERPOLATIONS: tuple[Interpolation, ...] = ("bilinear", "bicubic", "nearest", "lanczos")
Aspect = Literal["kept", "squashed"]
ASPECTS: tuple[Aspect, ...] = ("kept", "squashed")
Half = Literal["even", "down"]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
SMALLEST_OF_IMAGENET = 128
"""Pixels a side from which on a network is taken for one that was trained as on ImageNet; CIFAR's have 32."""

ADJUSTABLE = ("mean", "std", "resize", "interpolation", "aspect")
"""Fields of the preprocessing that a caller may give otherwise; the crop is the network's image size."""
DESCRIBED = (*ADJUSTABLE, "half", "bgr")
"""Fields of the preprocessing that a source may show."""

MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""Channels of the network -> Pillow's mode of the picture."""

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})
"""Files of a folder that count as pictures."""

MAX_PIXELS = 178_956_970
"""A picture with more is refused before it is decoded: Pillow's own limit against decompression bombs, doubled."""


@dataclass(frozen=True)
class Preprocessing(Plain):
    """How a picture becomes the network's input.

    Raises:
        UsageError: a value is outside its range.
    """

    resize: int
    """Length of the shorter side after the resize, in pixels; of both sides where they are squashed."""
    crop: int
    """Side of the square cut out of the middle, in pixels: the network's image size."""
    mean: tuple[float, ...]
    """Subtracted from each channel, on the scale 0..1."""
    std: tuple[float, ...]
    """Each channel is divided by it, on the scale 0..1."""
    interpolation: Interpolation = "bilinear"
    aspect: Aspect = "kept"
    """`squashed`: both sides become `resize` pixels, whatever they were."""
    half: Half = "even"
    """Where the crop begins when that is at half a pixel: the even one, as in torchvision, or the one before it."""
    bgr: bool = False
    """Whether the network takes blue, green, red; mean and std are in its order."""

    def __post_init__(self) -> None:
        for name, known in (("interpolation", INTERPOLATIONS), ("aspect", ASPECTS), ("half", get_args(Half))):
            if (value := getattr(self, name)) not in known:
                raise UsageError(f"There is no {name} {value!r}.", hint=f"Choose one of {', '.join(known)}.")
        if self.bgr and len(self.mean) != 3:
            raise UsageError(f"{len(self.mean)} channels can't be BGR.", hint="Leave bgr out.")
        if self.resize < self.crop:
            raise UsageError(
                f"The pictures would be resized to {self.resize} pixels and cropped to {self.crop}.",
                hint=f"Give --resize as {self.crop} or more.",
            )
        if len(self.mean) != len(self.std):
            raise UsageError(
                f"There are {len(self.mean)} means and {len(self.std)} standard deviations.",
                hint="Give one of each per channel.",
            )
        if not np.isfinite(self.mean).all() or not np.isfinite(self.std).all() or min(self.std) <= 0:
            raise UsageError(
                f"The mean is {self.mean} and the standard deviation {self.std}.",
                hint="Give finite numbers, and standard deviations above 0.",
            )

    @classmethod
    def default(cls, channels: int, image_size: int) -> Preprocessing:
        """ImageNet's for 3 channels and images from 128 pixels on; else pixels on the scale 0..1, and no crop."""
        imagenet = channels == 3 and image_size >= SMALLEST_OF_IMAGENET
        usual = round(image_size * 256 / 224) if image_size >= SMALLEST_OF_IMAGENET else image_size
        return cls(
            resize=usual,
            crop=image_size,
            mean=IMAGENET_MEAN if imagenet else (0.0,) * channels,
            std=IMAGENET_STD if imagenet else (1.0,) * channels,
        )

    def at_size(self, size: int) -> Preprocessing:
        """The same for images of another size: the shorter side keeps its share."""
        return replace(self, resize=round(self.resize * size / self.crop), crop=size)

    def changed(self, **given: Any) -> Preprocessing:
        """The same with those of its `ADJUSTABLE` fields that were given; squashed pictures are not cropped.

        Raises:
            UsageError: a value is outside its range, or there is not one number per channel.
        """
        for name in [name for name in ("mean", "std") if name in given]:
            given[name] = numbers = tuple(map(float, given[name]))
            if len(numbers) != len(self.mean):
                raise UsageError(
                    f"{name} has {len(numbers)} numbers, and the network {len(self.mean)} channels.",
                    hint=f"Give one {name} per channel.",
                )
            if any(not 0 <= number <= 1 for number in numbers):
                raise UsageError(
                    f"{name} {', '.join(f'{number:g}' for number in numbers)} is not on the scale 0..1.",
                    hint="Divide it by 255 if it is on the scale 0..255.",
                )
        if given.get("aspect") == "squashed" != self.aspect:
            given.setdefault("resize", self.crop)
        return replace(self, **given)

    def scale_and_shift(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(1 / (255 std), -mean / std) of shape (1, C, 1, 1): normalised = pixel * scale + shift."""
        mean, std = (np.asarray(part, np.float64).reshape(1, -1, 1, 1) for part in (self.mean, self.std))
        return 1.0 / (255.0 * std), -mean / std

    def normalise(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Pixels 0..255, (N, H, W, C), to the network's input (N, C, H, W), in float64."""
        scale, shift = self.scale_and_shift()
        return np.transpose(pixels[..., ::-1] if self.bgr else pixels, (0, 3, 1, 2)) * scale + shift

    def resized(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) of a picture after the resize: the length of the longer side is rounded down."""
        if self.aspect == "squashed":
            return self.resize, self.resize
        short, longer = min(width, height), int(self.resize * max(width, height) / min(width, height))
        return (self.resize if width == short else longer, self.resize if height == short else longer)

    def start(self, length: int) -> int:
        """Where the crop begins in a side of that length."""
        margin = length - self.crop
        return margin // 2 if self.half == "down" else round(margin / 2)

    def framed(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Pictures (N, resize, resize, C) of which the resize and the crop make these (N, crop, crop, C) again."""
        before = self.start(self.resize)
        sides = (before, self.resize - self.crop - before)
        return np.pad(pixels, ((0, 0), sides, sides, (0, 0)), mode="edge")


def is_hidden(name: str) -> bool:
    """Whether a file or folder is a system's or a tool's own: `._cat.jpg`, `.ipynb_checkpoints`, `__MACOSX`."""
    return name.startswith(".") or name == "__MACOSX"


def find_pictures(
    folder: str | os.PathLike[str], *, hint: str = "Give a folder of pictures with --images."
) -> list[Path]:
    """The pictures below a folder, sorted by path; hidden ones, and those in hidden folders, are none.

    Args:
        folder: where to look.
        hint: for the error.

    Raises:
        ImageError: the folder does not exist or holds none.
    """
    root = Path(folder)
    if not root.is_dir():
        raise ImageError(f"There is no folder {root}.", hint=hint)
    shown = (path for path in root.rglob("*") if not any(map(is_hidden, path.relative_to(root).parts)))
    return sorted(_pictures(shown, f"The folder {root} holds no picture", hint))


def gather_pictures(given: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """The pictures that were named, each once: files, those below folders, those that patterns like `*.jpg` match.

    A file that was named is one of them whatever its suffix; in folders and by patterns the suffix decides.

    Raises:
        ImageError: a file does not exist, or a folder or a pattern holds no picture.
    """
    hint = "Give pictures, folders of pictures, or patterns such as 'photos/*.jpg'."
    found: dict[Path, None] = {}
    for entry in map(Path, given):
        if entry.is_dir():
            found |= dict.fromkeys(find_pictures(entry, hint=hint))
        elif entry.exists():
            found[entry] = None
        elif not glob.has_magic(str(entry)):
            raise ImageError(f"There is no picture {entry}.", hint=hint)
        else:
            # Path.glob takes no absolute pattern.
            matches = map(Path, sorted(glob.glob(str(entry), recursive=True)))  # noqa: PTH207
            found |= dict.fromkeys(_pictures(matches, f"No picture matches {entry}", hint))
    return list(found)


def _pictures(paths: Iterable[Path], none: str, hint: str) -> list[Path]:
    """Those whose suffix is a picture's; `none` says that there are none."""
    found = [path for path in paths if path.suffix.lower() in SUFFIXES and path.is_file()]
    if not found:
        raise ImageError(f"{none} ({', '.join(sorted(SUFFIXES))}).", hint=hint)
    return found


def decode_picture(
    path: str | os.PathLike[str] | IO[bytes], channels: int = 3, look: Callable[[Image.Image], object] | None = None
) -> Image.Image:
    """The picture in a file, upright as its EXIF orientation says.

    Args:
        path: a file in any format that Pillow reads.
        channels: 1 for grey, 3 for colour, 4 for colour with alpha.
        look: is given the picture before it is decoded.

    Raises:
        ImageError: the file is no picture, is damaged, or decodes to more than `MAX_PIXELS`; or pictures have no such
            number of channels.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    if channels not in MODES:
        raise ImageError(
            f"The network takes {channels} channels, and pictures have 1, 3 or 4.",
            hint="Leave --images out: the check then runs on random input only.",
        )
    try:
        with Image.open(path) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise ImageError(
                    f"{path} has {opened.width} x {opened.height} pixels, more than {MAX_PIXELS}.",
                    hint="Scale it down, or take it out of the folder.",
                )
            if look is not None:
                look(opened)
            picture: Image.Image = ImageOps.exif_transpose(opened)
            if picture.mode.startswith("I;16") or (picture.mode == "I" and opened.format == "PPM"):
                picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))  # else above 255 is white
            elif picture.mode in ("I", "F") and not 1 < np.asarray(picture).max() <= 255:
                raise ValueError("it has 32 bits a pixel, and nothing shows which value is white")
            if isinstance(picture.info.get("transparency"), bytes):
                picture = picture.convert("RGBA")  # else Pillow warns; the colours are the same
            return picture.convert(MODES[channels])
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        if isinstance(error, ImageError):
            raise
        raise ImageError(f"{path} cannot be read as a picture: {error}.", hint="Take it out of the folder.") from error


def prepare(picture: Image.Image, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """The picture resized and cropped: (crop, crop, C), 0..255; `Preprocessing.normalise` makes the input of these.

    Raises:
        ImageError: it is so narrow that it would have more than `MAX_PIXELS` after the resize.
    """
    from PIL import Image

    size, crop = preprocessing.resized(*picture.size), preprocessing.crop
    if size[0] * size[1] > MAX_PIXELS:
        sides = [" x ".join(map(str, sorted(lengths))) for lengths in (picture.size, size)]
        raise ImageError(
            f"A picture of {sides[0]} pixels would have {sides[1]} after the resize.",
            hint="Take it out of the folder.",
        )
    resized = picture.resize(size, Image.Resampling[preprocessing.interpolation.upper()])
    left, top = map(preprocessing.start, size)
    return np.asarray(resized.crop((left, top, left + crop, top + crop))).reshape(crop, crop, -1)


def as_pixels(picture: Image.Image) -> NDArray[np.uint8]:
    """The picture as it is: (H, W, C), 0..255."""
    return np.asarray(picture).reshape(picture.height, picture.width, -1)


def load_pictures(
    paths: Iterable[Path], preprocessing: Preprocessing, *, prepared: bool = True
) -> Iterator[NDArray[np.uint8] | ImageError]:
    """The pixels of each file, or the reason why there are none; not `prepared`, the picture as it is."""
    for path in paths:
        try:
            picture = decode_picture(path, len(preprocessing.mean))
            yield prepare(picture, preprocessing) if prepared else as_pixels(picture)
        except ImageError as error:
            yield error
