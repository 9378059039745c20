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
from pathlib import Path

# TensorFlow reads these when it is imported: without them it greets.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import onnxruntime
from training.data import load

FOLDER = Path(__file__).parents[1] / ".demo"
TRAINING = ("--framework", "keras", "--data", "digits", "--batch-size", "32", "--output", "digits.keras", "--force")


def main() -> int:
    FOLDER.mkdir(exist_ok=True)

    print("1. Train in Keras, and save it")
    run(sys.executable, "../tools/train.py", *TRAINING)

    print("2. Read it as Keras does")
    data = load("digits", None, None)
    unseen, answers = data.prepared(data.test_images), data.test_labels
    model = keras.saving.load_model(FOLDER / "digits.keras")
    keras_says = model.predict(unseen.transpose(0, 2, 3, 1), batch_size=len(unseen), verbose=0).argmax(axis=1)
    print(f"   Keras gets {np.mean(keras_says == answers):.2%} of {len(answers)} unseen digits right")

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


def export(framework: str) -> None:
    """The command line, as you would type it. Everything else about the network is in the checkpoint."""
    # The command of this Python's environment, whether that is activated or not.
    beside = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    program = shutil.which("resnet-export", path=beside)
    if program is None:
        sys.exit("resnet-export is not installed beside this Python: run make demo")
    run(program, "--framework", framework, "--weights", "digits.keras", "--output", f"from_{framework}.onnx", "--force")


def run(program: str, *arguments: str) -> None:
    """Shows a command, and runs it in the folder of the demo."""
    print(f"   $ {' '.join((Path(program).name, *arguments))}", flush=True)
    status = subprocess.run([program, *arguments], cwd=FOLDER).returncode
    if status:
        sys.exit(failed(f"it ended with exit code {status}"))


def predict(path: Path, images: np.ndarray) -> np.ndarray:
    """What ONNX Runtime sees in the images, (N, 1, 16, 16)."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"input": images})
    return logits.argmax(axis=1)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def failed(reason: str) -> int:
    print(f"Failed: {reason}.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
