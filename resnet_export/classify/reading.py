"""`Reading`: what a session gives for pictures, read as probabilities, and how that came about."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export.classify.classifier import Classifier
from resnet_export.classify.probabilities import activation_for, are_probabilities, probabilities_of, scores_of
from resnet_export.classify.results import Ran
from resnet_export.errors import ImageError, ModelError, ResNetExportError
from resnet_export.files import sha256
from resnet_export.graph.interface import Activation
from resnet_export.labels import labels_of
from resnet_export.parity.embedded import measure, too_far
from resnet_export.runtimes import RuntimeSpec
from resnet_export.runtimes.session import Session


@dataclass
class Reading:
    """The outputs of a classifier's session so far."""

    classifier: Classifier
    session: Session
    gives_logits: bool
    """Whether the session gives logits whatever the file gives, as the frameworks' definitions do."""
    callers: int = 1
    """Threads that call the session at a time."""
    classes: int = 0
    """Values of an output; 0 until there is one."""
    all_probabilities: bool = True
    """Whether all outputs so far look like a softmax's."""

    @property
    def activation(self) -> Activation | None:
        """What makes probabilities of what the session gives."""
        return activation_for(self.classifier.head, self.classes, from_logits=self.gives_logits)

    def probabilities(self, output: NDArray[Any]) -> NDArray[np.float64] | None:
        """Those of each class, from a picture's row of the output; None where that has numbers that are not finite.

        Raises:
            ModelError: it is no value for each class.
            LabelsError: the labels are not one for each class.
        """
        scores = scores_of(output, str(self.classifier.path))
        labels_of(self.classifier.labels, len(scores))
        self.classes = len(scores)
        if not np.isfinite(scores).all():
            return None
        self.all_probabilities &= are_probabilities(scores)
        return probabilities_of(scores, self.activation)

    def refuse_no_answer(self, errors: Sequence[str], pictures: int) -> None:
        """Finds out whether a picture has an answer.

        Args:
            errors: why there is none, for each picture without one.
            pictures: how many there are.

        Raises:
            ImageError: none could be read.
            ModelError: the network has none for any of them.
        """
        if len(errors) < pictures:
            return
        if self.classes:
            raise ModelError(
                f"{self.classifier.path} gives numbers that are not finite for every picture.",
                hint=f"Look for the cause with: resnet-export verify {self.classifier.path}",
            )
        first = f"None of {len(errors)} pictures can be used; the first: " if len(errors) > 1 else ""
        raise ImageError(f"{first}{errors[0]}", hint="Give pictures in a usual format, such as JPEG or PNG.")

    def notes(self, spec: RuntimeSpec) -> Iterator[str]:
        """What a reader has to know beside the answers."""
        classifier, session = self.classifier, self.session
        yield from classifier.notes
        if session.takes_file_input:
            file, taken, preprocessing = classifier.path, classifier.taken, classifier.preprocessing
            other = too_far(measure(session.name, spec.open, file, taken, preprocessing, None))
            if other is not None:
                yield f"The answers are not those of the network on such pictures. {session.name}: {other}."
        fallback = session.placement().fallback
        if fallback is not None:
            yield f"FALLBACK: {fallback.rstrip('.')}."
        if classifier.head_is_assumed and not self.gives_logits and self.all_probabilities:
            yield (
                "Every output sums to 1, as probabilities do, and was taken for logits. "
                "If it is probabilities, give --head probabilities."
            )

    def ran(self, spec: RuntimeSpec) -> Ran:
        """The file, what ran it, and how its answers came about."""
        classifier, session, version = self.classifier, self.session, self.session.version
        with contextlib.suppress(ResNetExportError):  # where the CPU stands in for it
            version = version or spec.probe()
        return Ran(
            model=str(classifier.path),
            sha256=sha256(classifier.path),
            runtime=str(spec),
            version=version,
            placement=session.placement(),
            precision=session.precision,
            preprocessing=classifier.preprocessing,
            raw_pixels=classifier.raw_pixels,
            stated=classifier.metadata is not None,
            assumptions=classifier.assumptions,
            overrides=classifier.overrides,
            output=classifier.output,
            head=classifier.head,
            activation=self.activation,
            classes=self.classes,
        )
