"""The training in PyTorch: a plain loop."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from resnet_export.errors import UnavailableError
from resnet_export.models.torch import build, load, read
from resnet_export.weights import Weights
from training.loop import Batch, Epoch, State
from training.settings import Settings


class Loop:
    """A model with its optimiser."""

    def __init__(self, weights: Weights, settings: Settings, device: str) -> None:
        torch.use_deterministic_algorithms(True)
        self.spec, self.settings = weights.spec, settings
        self.device = _device(device)
        self.model = build(weights.spec)
        load(self.model, weights)
        self.model.to(self.device)
        self.loss = nn.CrossEntropyLoss(label_smoothing=settings.label_smoothing)
        self.kernels = [one for one in self.model.parameters() if one.ndim > 1]
        self.optimizer = _optimizer(settings, list(self.model.parameters()))

    def train(self, epoch: Epoch, advance: Callable[[], None]) -> tuple[float, float]:
        """Goes once through the batches; gives the mean loss, and the share of right answers, on the way."""
        self.model.train()
        losses = torch.zeros(len(epoch), device=self.device)
        right, count = torch.zeros((), dtype=torch.int64, device=self.device), 0
        for step in range(len(epoch)):
            images, labels = self._on_device(epoch[step])
            self._set_rate(epoch.rate(step))
            self.optimizer.zero_grad()
            logits = self.model(images)
            loss = self.loss(logits, labels)
            loss.backward()
            self._decay(epoch.rate(step))
            self.optimizer.step()
            losses[step] = loss.detach()
            right += (logits.argmax(1) == labels).sum()
            count += len(labels)
            advance()
        return losses.mean().item(), right.item() / count

    def logits(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of prepared pictures (N, C, H, W), as the network gives them after the training."""
        self.model.eval()
        with torch.inference_mode():
            found: NDArray[np.float32] = self.model(torch.from_numpy(images).to(self.device)).cpu().numpy()
        return found

    def weights(self) -> Weights:
        """The parameters as they are."""
        return read(self.model.cpu(), self.spec)

    def state(self) -> State:
        """All that the next step depends on."""
        found = {f"model/{name}": tensor for name, tensor in self.model.state_dict().items()}
        for place, kept in self.optimizer.state_dict()["state"].items():
            found |= {f"optimizer/{place}/{name}": tensor for name, tensor in kept.items() if tensor is not None}
        return {name: tensor.detach().cpu().numpy().copy() for name, tensor in found.items()}

    def restore(self, state: State) -> None:
        """Sets what `state` gave."""
        tensors = {name: torch.from_numpy(np.array(array)) for name, array in state.items()}
        self.model.load_state_dict(
            {name.removeprefix("model/"): one for name, one in tensors.items() if name.startswith("model/")}
        )
        kept: dict[int, dict[str, Tensor]] = {}
        for name, one in tensors.items():
            if name.startswith("optimizer/"):
                _, place, field = name.split("/")
                kept.setdefault(int(place), {})[field] = one
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": kept, "param_groups": groups})

    def _on_device(self, batch: Batch) -> tuple[Tensor, Tensor]:
        images, labels = batch
        return torch.from_numpy(images).to(self.device), torch.from_numpy(labels).to(self.device)

    def _set_rate(self, rate: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def _decay(self, rate: float) -> None:
        """Decoupled from the gradients, for every optimiser, as Keras does it."""
        if self.settings.weight_decay:
            with torch.no_grad():
                for kernel in self.kernels:
                    kernel.mul_(1 - rate * self.settings.weight_decay)


def _optimizer(settings: Settings, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    """With the constants of `keras_loop`."""
    rate = settings.learning_rate
    if settings.optimizer == "adam":
        return torch.optim.Adam(parameters, rate, betas=(0.9, 0.999), eps=1e-7)
    if settings.optimizer == "rmsprop":
        return torch.optim.RMSprop(parameters, rate, alpha=0.9, eps=1e-7)
    return torch.optim.SGD(parameters, rate, momentum=0.9, nesterov=True)


def _device(asked: str) -> torch.device:
    if asked == "gpu" and not torch.cuda.is_available():
        raise UnavailableError("PyTorch finds no GPU here.", hint="Leave --device out, or give --device cpu.")
    return torch.device("cuda" if asked != "cpu" and torch.cuda.is_available() else "cpu")
