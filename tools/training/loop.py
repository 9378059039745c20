"""What both frameworks' loops are given, and what they have in common."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from resnet_export.optional import require
from resnet_export.weights import Weights
from training.augmentation import Augmentation, batches
from training.data import Data
from training.schedule import rate
from training.settings import Settings

Batch = tuple[NDArray[np.float32], NDArray[np.int64]]
"""Prepared pictures (N, C, H, W), and the numbers of their classes."""
State = Mapping[str, NDArray[np.generic]]
TEST_BATCH = 500


class Loop(Protocol):
    """A model in training: `torch_loop` and `keras_loop` have one each."""

    def train(self, epoch: Epoch, advance: Callable[[], None]) -> tuple[float, float]:
        """Goes once through the batches; gives the mean loss, and the share of right answers, on the way."""

    def logits(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of prepared pictures."""

    def weights(self) -> Weights:
        """The parameters as they are."""

    def state(self) -> State:
        """All that the next step depends on."""

    def restore(self, state: State) -> None:
        """Sets what `state` gave."""


@dataclass(frozen=True)
class Epoch:
    """The batches of an epoch, any of which can be asked for at any time."""

    data: Data
    settings: Settings
    number: int
    """Counted from 0."""

    @cached_property
    def picked(self) -> list[NDArray[np.intp]]:
        """Places of the pictures of each batch."""
        count = len(self.data.images)
        return batches(count, min(self.settings.batch_size, count), self.settings.seed, self.number)

    def __len__(self) -> int:
        return len(self.picked)

    def __getitem__(self, step: int) -> Batch:
        asked = self.settings.augment
        augmentation = Augmentation("flip" in asked, self.data.padding if "crop" in asked else 0)
        picked = self.picked[step]
        pixels = augmentation(self.data.images, picked, self.settings.seed, self.number)
        return self.data.prepared(pixels), self.data.labels[picked]

    def rate(self, step: int) -> float:
        """The learning rate of one of its steps."""
        done, settings = self.number * len(self), self.settings
        return rate(settings.schedule, settings.learning_rate, done + step, settings.epochs * len(self))


def start(weights: Weights, settings: Settings, device: str) -> Loop:
    """The loop of the framework.

    Raises:
        MissingDependencyError: the framework is not installed.
        UnavailableError: there is no such device.
    """
    for package in ("keras", "tensorflow") if settings.framework == "keras" else ("torch",):
        require(package)
    loop: Loop = importlib.import_module(f"training.{settings.framework}_loop").Loop(weights, settings, device)
    return loop


def accuracy(loop: Loop, data: Data) -> float:
    """Share of the test pictures whose class is right."""
    count, right = len(data.test_images), 0
    for start in range(0, count, TEST_BATCH):
        piece = slice(start, start + TEST_BATCH)
        answers = loop.logits(data.prepared(data.test_images[piece])).argmax(1)
        right += np.count_nonzero(answers == data.test_labels[piece])
    return right / count
