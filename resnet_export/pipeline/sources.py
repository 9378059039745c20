"""What an export starts from: the framework, the weights, and the model that is converted."""

import importlib
import importlib.util
import os
from pathlib import Path
from typing import Any, NamedTuple

import onnx_ir as ir

from resnet_export.assumptions import Assumption
from resnet_export.convert import CONVERTERS
from resnet_export.errors import MissingDependencyError, StructureError, UsageError
from resnet_export.models import FRAMEWORKS
from resnet_export.optional import install_line, require
from resnet_export.parity.diagnosis.attribution import attribute_topology, differing_parameters
from resnet_export.parity.gate.evaluation import Candidate
from resnet_export.parity.results import Diagnosis
from resnet_export.pipeline.options import ExportOptions, Source
from resnet_export.runtimes import attach
from resnet_export.runtimes.session import Session
from resnet_export.spec import IMAGE_SIZES, ResNetSpec
from resnet_export.weights import Weights
from resnet_export.weights.published import RESIZE, fetch


def choose_framework(asked: str | None, source: Source) -> str:
    """The one asked for, else that of the source, else one that is installed."""
    if asked is not None and asked not in FRAMEWORKS:
        raise UsageError(f"There is no framework {asked!r}.", hint=f"Choose one of {', '.join(FRAMEWORKS)}.")
    live = _framework_of(source)
    if live is not None and asked not in (None, live):
        raise UsageError(
            f"The framework {asked} was asked for, and the source is a model of {live}.",
            hint=f"Leave the framework out, or pass Weights read with resnet_export.models.{live}.read.",
        )
    by_suffix = "keras" if str(source).endswith((".keras", ".weights.h5")) else "torch"
    wanted = asked or live
    candidates = [wanted] if wanted else [by_suffix, *(name for name in FRAMEWORKS if name != by_suffix)]
    found = next((name for name in candidates if importlib.util.find_spec(name) is not None), None)
    if found is None:
        raise MissingDependencyError(
            f"The export needs {' or '.join(candidates)}, which is not installed.",
            hint=f"Install it with: {install_line(candidates[0])}",
        )
    return found


def _framework_of(source: Source) -> str | None:
    """The framework of a live model, found without importing either: who made it has imported it."""
    classes = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(source).__mro__}
    if "torch.Module" in classes:
        return "torch"
    return "keras" if "keras.Model" in classes else None


class Loaded(NamedTuple):
    """A source, read."""

    weights: Weights
    origin: str
    """Where the weights come from, in words."""
    assumptions: tuple[Assumption, ...]
    """What was taken for granted of the network."""
    model: Any = None
    """The live model, if the source is one."""


def load(options: ExportOptions, framework: str) -> Loaded:
    """Reads the source.

    Raises:
        UsageError: it is of another kind, or contradicts what was specified.
        CheckpointError: the checkpoint cannot be read, or holds another network than was specified.
    """
    source, specified = options.source, options.specified
    if _framework_of(source) is not None:
        model = getattr(source, "_orig_mod", source)  # what torch.compile wrapped
        weights = importlib.import_module(FRAMEWORKS[framework]).read(model, **specified)
        return Loaded(weights, f"the {framework} model", weights.assumptions, model)
    if isinstance(source, Weights):
        _refuse_contradiction(source.spec, specified)
        return Loaded(source, "the weights given", source.assumptions)
    if isinstance(source, ResNetSpec) or source is None:
        spec = source or _new_spec(specified)
        _refuse_contradiction(spec, specified)
        return Loaded(Weights.initial(spec, options.seed), f"He initialisation, seed {options.seed}", ())
    if not isinstance(source, str | os.PathLike):
        raise UsageError(
            f"A {type(source).__name__} cannot be exported.",
            hint="Pass a ResNetSpec, Weights, the path of a checkpoint, a torch.nn.Module or a keras.Model.",
        )
    name = os.fspath(source)
    if name in RESIZE and not Path(name).exists():
        path = fetch(name, options.depth or ResNetSpec.depth)
        # Nothing is assumed: whose network it is, is published with it.
        return Loaded(Weights.load(path, **specified), f"{name} ({path.name})", ())
    weights = Weights.load(name, **specified)
    return Loaded(weights, Path(name).name, weights.assumptions)


def _new_spec(specified: dict[str, Any]) -> ResNetSpec:
    given = {name: value for name, value in specified.items() if value is not None}
    return ResNetSpec(**({"image_size": IMAGE_SIZES.get(given.get("stem", "imagenet"), 224)} | given))


def _refuse_contradiction(spec: ResNetSpec, specified: dict[str, Any]) -> None:
    for name, value in specified.items():
        if value is not None and value != getattr(spec, name):
            raise UsageError(
                f"{name} {value!r} was asked for, and the source has {getattr(spec, name)!r}.",
                hint=f"Leave {name} out, or pass another source.",
            )


class SourceModel:
    """The model that is converted, with its weights.

    The session of the check needs memory. A model of our own, and its weights, are therefore let go of as soon as they
    have served, and whoever looks into a failure loads and builds them again.

    Attributes:
        weights: the parameters, until `release_weights`.
        candidate: opens the model in a session.
    """

    def __init__(self, options: ExportOptions) -> None:
        """Reads the source. No framework is imported yet, unless the source is a live model."""
        self._options = options
        self.framework = choose_framework(options.framework, options.source)
        self.weights, self.origin, self.assumptions, self._model = load(options, self.framework)
        self.spec = self.weights.spec
        self._given = self._model is not None
        self.candidate = Candidate(f"the {self.framework} model", self._open)

    def build(self) -> None:
        """Imports the framework, and builds the model from the weights unless the source is a live one."""
        require(self.framework)  # Keras, for one, may be there without TensorFlow
        if not self._given:
            self._model = self._built(self.weights)

    def trace(self) -> ir.Model:
        """The raw topology of the model."""
        topology: ir.Model = importlib.import_module(CONVERTERS[self.framework]).to_onnx(self._model, self.spec)
        return topology

    def differing_parameters(self) -> Diagnosis | None:
        """Whether the model that was built holds exactly the weights that it was given."""
        if self._given:
            return None
        return differing_parameters(self._definition.read(self._model), self.weights, self.candidate.label)

    def attribute(self, error: StructureError) -> Diagnosis:
        """Whose mistake a wrong topology is."""
        side = f"what the {self.framework} converter made of the model"
        return attribute_topology(self.candidate, error, self.spec, self.weights, side)

    def release_model(self) -> None:
        """Lets go of the model, unless it is the caller's."""
        if not self._given:
            self._model = None

    def release_weights(self) -> None:
        """Lets go of the weights."""
        del self.weights

    def recall(self) -> Weights:
        """The weights, loaded once more."""
        return load(self._options, self.framework).weights

    @property
    def _definition(self) -> Any:
        return importlib.import_module(FRAMEWORKS[self.framework])

    def _built(self, weights: Weights) -> Any:
        model = self._definition.build(self.spec)
        self._definition.load(model, weights)
        return model

    def _open(self) -> Session:
        model = self._built(self.recall()) if self._model is None else self._model
        return attach(self.framework, model, self.spec)
