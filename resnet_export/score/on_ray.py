"""The Ray engine: the same decoding and the same runs, as actors of Ray Data, on this machine or on a cluster.

    batches of sources  ->  `Decoding`: an actor with a process that decodes
                        ->  `Running`: an actor with the network              ->  rows, in their order, to this process

This process lists the pictures and writes the parts, as with the local engine; batches are the same, and so are rows.
"""

from __future__ import annotations

import contextlib
import pickle
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from resnet_export.classify.classifier import Classifier
from resnet_export.classify.decoder import TARGET, TIMEOUT_S, Chunk, Decoded, Recipe, Source, decode_alone
from resnet_export.classify.preparation import batching_of
from resnet_export.classify.reading import Reading
from resnet_export.error_text import error_text
from resnet_export.errors import RuntimeCrashedError, RuntimeFailedError, UnavailableError
from resnet_export.graph.file import files_of, read
from resnet_export.machine.cpu import usable_cpus
from resnet_export.optional import require
from resnet_export.runtimes import parse_runtime
from resnet_export.score.engine import Engine, batched
from resnet_export.score.results import Row, Settings
from resnet_export.storage import grouped
from resnet_export.workers import Worker

SHARE = 0.45
"""CPUs of an actor: on each CPU one decodes and one runs the network, and a tenth is left to whatever Ray itself does.

Actors that ask for every CPU leave none to a task that feeds them, and the job waits for ever.
"""
BLOCK = 8
"""Batches that an actor is given at a time."""
COLUMN = "batch"


@dataclass
class RayEngine(Engine):
    """An engine whose work is done by actors."""

    on_gpu: bool = False

    def rows(self, pictures: Iterable[Source], reading: Reading, settings: Settings) -> Generator[Row, None, None]:
        """As of `Engine`; the pictures are all listed before the first is decoded.

        Raises:
            RuntimeFailedError: an actor fails.
        """
        ray, data, arrow = require("ray"), require("ray.data"), require("pyarrow")
        batches = map(pickle.dumps, batched(pictures, self.size, settings.part_size))
        blocks = [ray.put(arrow.table({COLUMN: some})) for some in grouped(batches, BLOCK)]
        if not blocks:
            return
        beside = files_of(read(self.path), self.path)
        files = ray.put({file.relative_to(self.path.parent): file.read_bytes() for file in beside})
        asked = (self.classifier, files, self.session.name, self.batching.size, self.features, settings)
        common = {"batch_size": 1, "batch_format": "pyarrow", "num_cpus": SHARE}
        decoded = data.from_arrow_refs(blocks).map_batches(
            Decoding,
            fn_constructor_args=(self.recipe(fast=settings.fast),),
            compute=data.ActorPoolStrategy(size=self.decoders),
            **common,
        )
        answered = decoded.map_batches(
            Running,
            fn_constructor_args=asked,
            compute=data.ActorPoolStrategy(size=self.callers),
            num_gpus=int(self.on_gpu),
            **common,
        )
        try:
            for table in answered.iter_batches(batch_size=1, batch_format="pyarrow"):
                for content in table[COLUMN].to_pylist():
                    rows, reading.classes, all_probabilities = pickle.loads(content)
                    reading.all_probabilities &= all_probabilities
                    yield from rows
        except ray.exceptions.RayError as error:
            why = error_text(getattr(error, "cause", None) or error)
            raise RuntimeFailedError(f"Ray could not finish: {why}.", hint="Give the same command to go on.") from error


@contextlib.contextmanager
def cluster(engine: Engine, address: str | None) -> Iterator[RayEngine]:
    """Connects to a cluster, or starts Ray here; gives the engine with as many actors as there is room for.

    Raises:
        MissingDependencyError: Ray is not installed.
        UnavailableError: there is no such cluster, or what was asked for has no room in it.
    """
    ray, data = require("ray"), require("ray.data")
    size = {} if address else {"num_cpus": usable_cpus(), "include_dashboard": False}
    try:
        # Without "local", Ray looks for a cluster that somebody else has started here.
        ray.init(address=address or "local", log_to_driver=False, logging_level="ERROR", **size)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise UnavailableError(
            f"There is no cluster of Ray at {address}: {error_text(error)}.",
            hint="Start one with: ray start --head; or leave out --address.",
        ) from error
    try:
        context = data.DataContext.get_current()
        context.execution_options.preserve_order, context.enable_progress_bars = True, False
        yield _fitted(engine, ray.cluster_resources())
    finally:
        ray.shutdown()


def _fitted(engine: Engine, there: dict[str, float]) -> RayEngine:
    cpus, gpus = there.get("CPU", 0.0), int(there.get("GPU", 0.0))
    on_gpu = not engine.session.placement().on_cpu
    decoders = engine.decoders if engine.decoders != usable_cpus() else max(1, int(cpus))
    callers = gpus if on_gpu else max(1, int(cpus))
    if on_gpu and not gpus:
        what = f"{engine.session.name} needs a GPU, and the cluster has none."
        raise UnavailableError(what, hint="Add a node with one.")
    needed = SHARE * (decoders + callers)
    if needed > cpus:
        what = f"{decoders} decoders and {callers} callers need {needed:g} CPUs, and the cluster has {cpus:g}."
        raise UnavailableError(what, hint="Leave out --decoders, or add nodes.")
    fields = {name: getattr(engine, name) for name in ("classifier", "session", "batching", "path", "features")}
    return RayEngine(**fields, callers=callers, decoders=decoders, on_gpu=on_gpu)


def _each(table: Any, function: Callable[[Any], Any]) -> Any:
    """A table whose pickles are what the function gives for those of another one."""
    contents = [pickle.dumps(function(pickle.loads(one))) for one in table[COLUMN].to_pylist()]
    return require("pyarrow").table({COLUMN: contents})


class Decoding:
    """An actor that decodes."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._worker: Worker | None = None

    def __call__(self, table: Any) -> Any:
        """From sources to what is decoded of them."""
        return _each(table, lambda sources: list(zip(sources, self._decoded(sources), strict=True)))

    def _decoded(self, sources: list[Source]) -> list[Decoded]:
        self._worker = self._worker or Worker(TARGET, timeout_s=TIMEOUT_S)
        chunk = Chunk(sources, self._recipe)
        try:
            found: list[Decoded] = self._worker.call("decode", chunk, doing="decoding pictures")
            return found
        except RuntimeCrashedError:
            self._worker.close()
            self._worker = None
            return decode_alone(chunk)


class Running:
    """An actor that runs the network."""

    def __init__(
        self, classifier: Classifier, files: Any, runtime: str, batch: int, features: int, settings: Settings
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="resnet-export-")
        folder = Path(self._folder.name)
        for name, content in require("ray").get(files).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        path = folder / classifier.path.name
        here = replace(classifier, path=path)
        session = parse_runtime(runtime).open(path)
        batching = batching_of(session, classifier.taken, batch)
        self._engine = Engine(here, session, 1, 0, batching, path, features)
        self._reading, self._settings = self._engine.reading(), settings

    def __call__(self, table: Any) -> Any:
        """From what is decoded to rows, and what is known of the outputs since."""
        return _each(table, self._rows)

    def _rows(self, batch: list[tuple[Source, Decoded]]) -> tuple[list[Row], int, bool]:
        rows = self._engine.rows_of(batch, self._engine.run(batch), self._reading, self._settings)
        return list(rows), self._reading.classes, self._reading.all_probabilities
