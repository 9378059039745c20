"""What a training is asked to do: one value, which its checkpoint keeps."""

from __future__ import annotations

from dataclasses import dataclass

from resnet_export.data import Plain
from resnet_export.errors import UsageError
from training.schedule import SCHEDULES

FRAMEWORKS = {"torch": (".safetensors", ".pth", ".pt"), "keras": (".keras",)}
"""Framework -> how the names of its files end."""
OPTIMIZERS = {"adam": 3e-3, "rmsprop": 1e-3, "sgd": 0.1}
"""Name -> the highest learning rate, where none is given."""
AUGMENTATIONS = ("flip+crop", "flip", "crop", "none")


@dataclass(frozen=True)
class Settings(Plain):
    """All that decides the weights which come out, but for the pictures and the machine.

    Raises:
        UsageError: a value is outside its range.
    """

    framework: str
    depth: int = 18
    width: int = 16
    stem: str = "cifar"
    epochs: int = 6
    batch_size: int = 128
    optimizer: str = "adam"
    learning_rate: float = OPTIMIZERS["adam"]
    """The highest of the schedule."""
    schedule: str = "one-cycle"
    augment: str = "flip+crop"
    """One of `AUGMENTATIONS`."""
    weight_decay: float = 0.0
    """Share of a kernel that is taken off in each step, times the learning rate (decoupled, as in AdamW)."""
    label_smoothing: float = 0.0
    """Share of the target that is spread over all classes."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name, known in (
            ("framework", FRAMEWORKS), ("optimizer", OPTIMIZERS), ("schedule", SCHEDULES), ("augment", AUGMENTATIONS),
        ):  # fmt: skip
            if getattr(self, name) not in known:
                raise UsageError(
                    f"There is no {name} {getattr(self, name)!r}.", hint=f"Choose one of {', '.join(known)}."
                )
        for name, lowest in (("epochs", 1), ("batch_size", 2), ("seed", 0)):
            if getattr(self, name) < lowest:
                option = f"--{name.replace('_', '-')}"
                raise UsageError(f"{option} is {getattr(self, name)}.", hint=f"Give {option} as {lowest} or more.")
        if not self.learning_rate > 0:
            raise UsageError(f"--learning-rate is {self.learning_rate:g}.", hint="Give a number above 0.")
        if not 0 <= self.label_smoothing < 1:
            raise UsageError(f"--label-smoothing is {self.label_smoothing:g}.", hint="Give a number from 0 to below 1.")
        if not self.weight_decay >= 0:
            raise UsageError(f"--weight-decay is {self.weight_decay:g}.", hint="Give a number from 0.")
