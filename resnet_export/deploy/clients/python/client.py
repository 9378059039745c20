"""Classifies pictures, and prints the five most probable classes of each: python client.py cat.jpg dog.png.

How the pictures are prepared, and what the network takes and gives, stands in deploy.json.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import runtime
from PIL import Image, ImageOps

HERE = Path(__file__).parent
CONFIG = json.loads((HERE / "deploy.json").read_text(encoding="utf-8"))
LABELS = (HERE / "labels.txt").read_text(encoding="utf-8").splitlines()
INPUT, HOW = CONFIG["input"], CONFIG["preparation"]
MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def prepare(path):
    """The picture as 8-bit pixels, (height, width, channels): upright, and resized and cropped for the network."""
    opened = Image.open(path)
    picture = ImageOps.exif_transpose(opened)
    if picture.mode.startswith("I;16") or (picture.mode == "I" and opened.format == "PPM"):
        picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))  # by itself, Pillow takes 256 for white
    elif picture.mode in ("I", "F") and not 1 < np.asarray(picture).max() <= 255:
        raise SystemExit(f"{path} has 32 bits a pixel, and nothing shows which value is white")
    if isinstance(picture.info.get("transparency"), bytes):
        picture = picture.convert("RGBA")
    picture = picture.convert(MODES[INPUT["channels"]])
    if INPUT["embedded"] != "image":  # else the network itself does the rest
        picture = crop(resize(picture))
    return np.asarray(picture).reshape(picture.height, picture.width, -1)


def resize(picture):
    """The shorter side becomes as long as it should, and the longer one in proportion, rounded down."""
    by = picture.size if HOW["aspect"] == "squashed" else [min(picture.size)] * 2
    size = [HOW["resize"] * side // divisor for side, divisor in zip(picture.size, by, strict=True)]
    return picture.resize(size, Image.Resampling[HOW["interpolation"].upper()])


def crop(picture):
    """The middle."""
    whole = np.floor if HOW["half"] == "down" else round
    left, top = (int(whole((side - HOW["crop"]) / 2)) for side in picture.size)
    return picture.crop((left, top, left + HOW["crop"], top + HOW["crop"]))


def network_input(pixels):
    """The pixels as the network takes them, with the batch as the first axis."""
    images = pixels[None]
    if INPUT["embedded"] == "none":
        images = images[..., ::-1] if HOW["bgr"] else images
        images = (images / 255 - HOW["mean"]) / HOW["std"]
    images = np.repeat(images.astype(INPUT["dtype"]), INPUT["batch"] or 1, axis=0)
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2) if INPUT["layout"] == "nchw" else images)


def scores_of(run, pixels):
    """What the network gives for a picture: a number for each class."""
    return np.asarray(run(network_input(pixels)))[0].astype(np.float64).reshape(-1)


def probabilities(scores):
    """The probability of each class."""
    if CONFIG["output"]["activation"] == "softmax":
        powers = np.exp(scores - scores.max())
        return powers / powers.sum()
    return 1 / (1 + np.exp(-scores)) if CONFIG["output"]["activation"] == "sigmoid" else scores


def main():
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("--model", default=next(iter(CONFIG["artefacts"])), help="another file of this folder")
    asked = parser.parse_args()
    run = runtime.load(HERE / asked.model, CONFIG)
    for path in asked.pictures:
        try:
            pixels = prepare(path)
        except OSError as error:
            raise SystemExit(f"{path} cannot be read: {error}") from None
        found = probabilities(scores_of(run, pixels))
        for index in np.argsort(-found, kind="stable")[:5]:
            print(f"{found[index]:.4f}  {LABELS[index]}  {path}")


if __name__ == "__main__":
    main()
