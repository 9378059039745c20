"""What an export starts from, and what it is held against: the source's own answers."""

import importlib
import importlib.util
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_export import live
from resnet_export.convert import Topology
from resnet_export.errors import MissingDependencyError, StructureError, UsageError
from resnet_export.graph.reading import Reading, read
from resnet_export.graph.reading.values import UnreadableError
from resnet_export.models import FRAMEWORKS
from resnet_export.network.match import match
from resnet_export.optional import install_line, require
from resnet_export.parity.check import SPECIFICATION
from resnet_export.parity.diagnosis.attribution import attribute_topology, check_parameters
from resnet_export.parity.gate.evaluation import Candidate
from resnet_export.parity.reference.oracles import MODEL_ITSELF, OWN_GRAPH
from resnet_export.parity.results import Diagnosis
from resnet_export.pipeline.options import ExportOptions
from resnet_export.pipeline.source_sessions import CHECKPOINT, ONNX, FileSession, LiveSession
from resnet_export.runtimes import attach
from resnet_export.runtimes.session import Session
from resnet_export.sources import Source, Trained, load
from resnet_export.weights import Weights


def choose_framework(asked: str | None, source: Source) -> str:
    """The one asked for, else that of the source, else one that is installed."""
    if asked is not None and asked not in FRAMEWORKS:
        raise UsageError(f"There is no framework {asked!r}.", hint=f"Choose one of {', '.join(FRAMEWORKS)}.")
    by_suffix = "keras" if str(source).endswith((".keras", ".weights.h5")) else "torch"
    candidates = [asked] if asked else [by_suffix, *(name for name in FRAMEWORKS if name != by_suffix)]
    found = next((name for name in candidates if importlib.util.find_spec(name) is not None), None)
    if found is None:
        raise MissingDependencyError(
            f"The export needs {' or '.join(candidates)}, which is not installed.",
            hint=f"Install it with: {install_line(candidates[0])}",
        )
    return found


class SourceModel:
    """The model that is converted, with its weights.

    The session of the check needs memory. A model of our own, and its weights, are therefore let go of as soon as they
    have served, and whoever looks into a failure loads and builds them again.

    Attributes:
        trained: the network with its numbers, until `release_weights`.
        candidate: opens the model in a session; None for a network that a checkpoint alone shows, which no framework
            has a definition of, and for a source that can't be given the numbers that the file computes with.
    """

    def __init__(self, options: ExportOptions) -> None:
        """Reads the source: a live model is traced, and its network read."""
        self._options = options
        self.trained = self._load()
        model, asked = self.trained.model, options.framework
        own = ONNX if self.trained.path is not None else None if model is None else model.framework
        if own is None and self.trained.spec is None:
            own = CHECKPOINT
        alone = asked is None and own in (ONNX, CHECKPOINT)
        self.framework = own if alone and own else choose_framework(asked or own, options.source)
        self.is_built = own != self.framework
        """Whether a definition of this package is built from the weights, rather than the source's own model read."""
        if self.is_built and self.trained.spec is None:
            raise UsageError(
                f"The framework {asked} was asked for, and only networks of the known family have a definition in it.",
                hint="Leave --framework out: the network is then exported as its source has it.",
            )
        self.proof = {ONNX: OWN_GRAPH, CHECKPOINT: SPECIFICATION}.get(own or "", MODEL_ITSELF)
        if self.is_built:
            self.proof = SPECIFICATION
        self._model: Any = None
        name = "the source file" if own == ONNX else f"the {self.framework} model"
        half = not self.is_built and self.trained.file_input[1] == "float16"
        rounds = half and options.preprocess != "none"  # what the file prepares, half precision does not have
        self.candidate = None if rounds or self.framework == CHECKPOINT else Candidate(name, self._open)
        self.reading = "what was read of the file" if own == ONNX else self._converted
        """What messages call the network that was read, where the source's own run is held against it."""

    def build(self) -> None:
        """Imports the framework, and builds the model from the weights unless the source is a live one."""
        if self.is_built:
            require(self.framework)  # Keras, for one, may be there without TensorFlow
            self._model = self._built(self.trained)

    def trace(self) -> Topology:
        """The raw topology of the model that was built."""
        return live.of(self._model).trace(self.trained.network.image)

    def check_structure(self, topology: Topology) -> Diagnosis | None:
        """Whether the topology of the model that was built is that of its specification, with exactly its weights."""
        expected = self.trained.network
        try:
            reading = self._read(topology)
            names = match(reading.network, expected)
            numbers = {
                step.parameter(role): reading.numbers[f"{names[step.name]}.{role}"]
                for step in expected.steps
                for role in step.parameters
            }
            check_parameters(expected, numbers, self.trained.numbers)
        except StructureError as error:
            assert self.candidate is not None, "what is built can be opened"
            return attribute_topology(self.candidate, error, expected, self.trained.numbers, self._converted)
        return None

    def run_float64(self, images: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...] | None:
        """The live model's own outputs in float64, in the order of the network's; None where it has none."""
        model = None if self.is_built else self.trained.model
        found = None if model is None else model.run_float64(images)
        return None if found is None else tuple(found[at] for at in self.trained.positions)

    def release_model(self) -> None:
        """Lets go of the model, unless it is the caller's."""
        self._model = None

    def release_weights(self) -> None:
        """Lets go of the weights."""
        if self.is_built:
            del self.trained

    def recall(self) -> Any:
        """The weights, loaded once more."""
        return self._load().numbers if self.is_built else self.trained.numbers

    def _load(self) -> Trained:
        options = self._options
        return load(options.source, seed=options.seed, code=options.model, ema=options.ema, **options.specified)

    def _read(self, topology: Topology) -> Reading:
        """Reads the topology; one that can't be read is not the specification's."""
        try:
            return read(topology.graph, self.trained.network.image, topology.parameters)
        except UnreadableError as error:
            if error.partial is not None:
                match(error.partial, self.trained.network)
            last = self.trained.network.output
            raise StructureError(last, error.message) from error

    @property
    def _converted(self) -> str:
        return f"what the {self.framework} converter made of the model"

    def _built(self, trained: Trained) -> Any:
        weights = trained.numbers
        assert isinstance(weights, Weights), "what is built has a specification"
        definition = importlib.import_module(f"resnet_export.models.{self.framework}")
        model = definition.build(weights.spec)
        definition.load(model, weights)
        return model

    def _open(self) -> Session:
        if not self.is_built:
            trained = self.trained
            return FileSession(trained) if trained.model is None else LiveSession(trained)
        if self._model is not None:
            return attach(self.framework, self._model, self.trained.spec)
        trained = self._load()
        return attach(self.framework, self._built(trained), trained.spec)
