"""From a training to a file you can ship: handwritten digits, learnt in Keras, exported, and read in ONNX Runtime.

    make demo

Five steps, top to bottom. The files stay in `.demo/` for you to look at. Needs no network and about a minute.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's greetings; it reads this when it is imported

import keras
import numpy as np
import onnxruntime
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from resnet_export import ResNetSpec
from resnet_export.models.keras import build

FOLDER = Path(__file__).parents[1] / ".demo"
SIZE = 16
"""Pixels: the 8 x 8 digits are doubled, so that the last stage of the network still has something to look at."""

# The network: ResNet-18, a quarter as wide as usual, for small grey pictures. Only the specification is ours...
SPEC = ResNetSpec(depth=18, num_classes=10, in_channels=1, image_size=SIZE, width=16, stem="cifar")


def main() -> int:
    FOLDER.mkdir(exist_ok=True)

    print("1. Train in Keras")
    images, labels, unseen, answers = split_digits()
    model = train(images, labels)
    keras_says = model.predict(unseen, batch_size=len(unseen), verbose=0).argmax(axis=1)
    print(f"   Keras gets {np.mean(keras_says == answers):.2%} of {len(answers)} unseen digits right")

    print("2. Save it, as Keras does")
    model.save(FOLDER / "digits.keras")

    print("3. Export the checkpoint, once through each framework")
    for framework in ("keras", "torch"):
        export(framework)

    print("4. Compare the files")
    digests = {name: sha256(FOLDER / name) for name in ("from_keras.onnx", "from_torch.onnx")}
    for name, digest in digests.items():
        print(f"   {digest}  {name}")
    if len(set(digests.values())) > 1:
        return failed("the two files differ")
    print("   byte for byte the same file")

    print("5. Run the file where no framework is needed")
    onnx_says = predict(FOLDER / "from_keras.onnx", unseen)
    print(f"   ONNX Runtime gets {np.mean(onnx_says == answers):.2%} right")
    if differing := np.count_nonzero(onnx_says != keras_says):
        return failed(f"ONNX Runtime and Keras answer {differing} of {len(answers)} digits differently")
    print(f"   the same answer as Keras on all {len(answers)} digits")
    return 0


def split_digits() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """1797 handwritten digits as (N, 16, 16, 1) in 0..1 with their labels: three quarters to learn, the rest unseen."""
    digits = load_digits()
    images = (digits.images / 16).astype("float32")  # the data set counts its pixels from 0 to 16
    images = images.repeat(SIZE // 8, axis=1).repeat(SIZE // 8, axis=2)[..., np.newaxis]
    images, unseen, labels, answers = train_test_split(
        images, digits.target, test_size=0.25, random_state=0, stratify=digits.target
    )
    return images, labels, unseen, answers


def train(images: np.ndarray, labels: np.ndarray) -> keras.Model:
    """An ordinary Keras training: nothing in it knows of the export."""
    keras.utils.set_random_seed(0)
    epochs, batch = 6, 64
    model = build(SPEC)
    rate = keras.optimizers.schedules.CosineDecay(3e-3, decay_steps=epochs * -(-len(images) // batch))
    model.compile(
        keras.optimizers.Adam(rate),
        # The network gives logits: the softmax belongs to the loss.
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    start = time.perf_counter()
    history = model.fit(images, labels, batch_size=batch, epochs=epochs, verbose=0)
    print(
        f"   {epochs} epochs over {len(images)} digits in {time.perf_counter() - start:.0f} s, "
        f"{model.count_params():,} parameters, training accuracy {history.history['accuracy'][-1]:.2%}"
    )
    return model


def export(framework: str) -> None:
    """The command line, as you would type it. Depth, width, classes and channels are read from the checkpoint."""
    command = ["resnet-export", "--framework", framework, "--weights", "digits.keras"]
    command += ["--image-size", str(SIZE), "--output", f"from_{framework}.onnx", "--force"]
    print(f"   $ {' '.join(command)}", flush=True)
    # The command of this Python's environment, whether that is activated or not.
    beside = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    program = shutil.which(command[0], path=beside)
    if program is None:
        sys.exit("resnet-export is not installed beside this Python: run make demo")
    status = subprocess.run([program, *command[1:]], cwd=FOLDER).returncode
    if status:
        sys.exit(failed(f"the export ended with exit code {status}"))


def predict(path: Path, images: np.ndarray) -> np.ndarray:
    """What ONNX Runtime sees in the images: the file takes channels first, (N, 1, 16, 16)."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"input": images.transpose(0, 3, 1, 2)})
    return logits.argmax(axis=1)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def failed(reason: str) -> int:
    print(f"Failed: {reason}.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
