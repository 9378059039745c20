"""The training in Keras: `model.fit`, one epoch at a time.

TensorFlow's operations are told to be deterministic, so that a resumed training gives the same weights.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from resnet_export.errors import UnavailableError
from resnet_export.models.keras import build, load, read
from resnet_export.weights import Weights
from training.loop import Epoch, State
from training.settings import Settings


class Loop:
    """A compiled model."""

    def __init__(self, weights: Weights, settings: Settings, device: str) -> None:
        tf.config.experimental.enable_op_determinism()
        keras.utils.set_random_seed(settings.seed)  # which deterministic operations ask for
        self.spec = weights.spec
        self.device = _device(device)
        with self.device():
            self.model = build(weights.spec)
            load(self.model, weights)
            self.model.compile(
                _optimizer(settings, self.model),
                # The network gives logits: the softmax belongs to the loss.
                keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=settings.label_smoothing),
                metrics=["accuracy"],
            )
            self.model.optimizer.build(self.model.trainable_variables)

    def train(self, epoch: Epoch, advance: Callable[[], None]) -> tuple[float, float]:
        """Goes once through the batches; gives the mean loss, and the share of right answers, on the way."""
        with self.device():
            history = self.model.fit(
                _Batches(epoch, self.spec.num_classes), epochs=1, shuffle=False, verbose=0,
                callbacks=[_Steps(epoch, advance)],
            ).history  # fmt: skip
        return float(history["loss"][0]), float(history["accuracy"][0])

    def logits(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of prepared pictures (N, C, H, W), as the network gives them after the training."""
        with self.device():
            found: NDArray[np.float32] = self.model.predict_on_batch(_channels_last(images))
        return found

    def weights(self) -> Weights:
        """The parameters as they are."""
        return read(self.model, self.spec)

    def state(self) -> State:
        """All that the next step depends on."""
        return {f"{place:04}": np.array(variable) for place, variable in enumerate(self._variables())}

    def restore(self, state: State) -> None:
        """Sets what `state` gave."""
        for variable, array in zip(self._variables(), (state[name] for name in sorted(state)), strict=True):
            variable.assign(array)

    def _variables(self) -> list[keras.Variable]:
        return [*self.model.variables, *self.model.optimizer.variables]


class _Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """An epoch as `fit` takes it."""

    def __init__(self, epoch: Epoch, classes: int) -> None:
        super().__init__()
        self.epoch, self.classes = epoch, classes

    def __len__(self) -> int:
        return len(self.epoch)

    def __getitem__(self, step: int) -> tuple[Any, Any]:
        images, labels = self.epoch[step]
        return _channels_last(images), np.eye(self.classes, dtype=np.float32)[labels]


class _Steps(keras.callbacks.Callback):  # type: ignore[misc]
    """Sets the learning rate before a step, and tells when it is done."""

    def __init__(self, epoch: Epoch, advance: Callable[[], None]) -> None:
        super().__init__()
        self.epoch, self.advance = epoch, advance

    def on_train_batch_begin(self, step: int, logs: Any = None) -> None:
        """As Keras calls it."""
        self.model.optimizer.learning_rate.assign(self.epoch.rate(step))

    def on_train_batch_end(self, step: int, logs: Any = None) -> None:
        """As Keras calls it."""
        self.advance()


def _channels_last(images: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1))


def _optimizer(settings: Settings, model: keras.Model) -> keras.optimizers.Optimizer:
    """With the constants of `torch_loop`."""
    rate, decay = settings.learning_rate, settings.weight_decay or None
    if settings.optimizer == "adam":
        optimizer = keras.optimizers.Adam(rate, epsilon=1e-7, weight_decay=decay)
    elif settings.optimizer == "rmsprop":
        optimizer = keras.optimizers.RMSprop(rate, rho=0.9, epsilon=1e-7, weight_decay=decay)
    else:
        optimizer = keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=decay)
    if decay:
        optimizer.exclude_from_weight_decay([one for one in model.trainable_variables if len(one.shape) < 2])
    return optimizer


def _device(asked: str) -> Callable[[], contextlib.AbstractContextManager[Any]]:
    """What is entered around work on it."""
    if asked == "gpu" and not tf.config.list_physical_devices("GPU"):
        raise UnavailableError("TensorFlow finds no GPU here.", hint="Leave --device out, or give --device cpu.")
    return contextlib.nullcontext if asked == "auto" else lambda: keras.device(f"{asked}:0")
