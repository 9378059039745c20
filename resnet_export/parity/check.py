"""The gate of an export: the written file, held against the model that it came from."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from resnet_export.graph.interface import Activation, Interface
from resnet_export.images import Preprocessing
from resnet_export.network.evaluation import Numbers
from resnet_export.network.operators.operator import Floats
from resnet_export.parity.diagnosis.attribution import diagnose, diagnose_reading
from resnet_export.parity.embedded import measure, too_far
from resnet_export.parity.gate.evaluation import Candidate, Evaluation, activate, evaluate
from resnet_export.parity.gate.gate import SUSPICIOUS, max_error
from resnet_export.parity.gate.inputs import gate_inputs, image_input_of
from resnet_export.parity.gate.judge import Verdict, judge, judge_source
from resnet_export.parity.gate.witness import CHAOTIC, IMAGES, agrees, judge_float64
from resnet_export.parity.model_under_test import ModelUnderTest, canonical_model, quantity_of
from resnet_export.parity.reference.oracles import NetworkOracle, Outputs, Truths
from resnet_export.parity.results import Diagnosis, Quantity, VerifyReport
from resnet_export.runtimes import open_session
from resnet_export.sources import Trained

SPECIFICATION = "the specification"
"""The proof of a network that was built from its specification."""
RUNTIME = "ort:cpu"
"""What the file is deployed in."""


class Check:
    """Holds a file and its source against the truth, which is computed in the background: it needs no framework."""

    def __init__(
        self,
        trained: Trained,
        proof: str,
        reading: str,
        interface: Interface,
        preprocessing: Preprocessing,
        images: str | os.PathLike[str] | None,
        head: Activation | Literal["asked", "none"],
        source_type: str,
    ) -> None:
        """Starts to compute.

        Args:
            trained: the source.
            proof: what the truth is: `the specification`, `the model itself` or `the file's own graph`.
            reading: what to call a network that was read off the model itself, where that gives something else.
            interface: how the file will be called.
            preprocessing: how pictures become its input.
            images: a folder of pictures that take part.
            head: what the source makes of its logits, where the file has to make the same; `asked` where a user chose.
            source_type: in which the source takes its images.
        """
        self._network, self._proof, self._reading = trained.network, proof, reading
        self._others = dict(zip(trained.others, self._network.outputs[1:], strict=True))
        self._images = images
        self._quantity, self._head = quantity_of(interface.head), head
        taken = image_input_of(self._network, interface)
        self._sets, self._notes = gate_inputs(taken, preprocessing, images, source_type)
        self._notes += [f"Not in the file: the output {name}, {why}." for name, why in trained.left_out.items()]
        self._background = ThreadPoolExecutor(max_workers=1)
        self._truth = self._background.submit(self._compute_truth, trained.numbers)
        self._built = proof == SPECIFICATION
        self._source: Evaluation | None = None
        self._activation: Activation | None = None
        self._witness: tuple[NDArray[np.float64], ...] | None = None
        self._witness_failed = False

    def run_source(self, model: Candidate, activation: Activation | None = None) -> None:
        """Runs the model that the file comes from, before its `activation`. It is checked too, and is the yardstick."""
        self._activation = activation
        own = activation is not None or not self._built
        given: Quantity = ("output" if activation else "logits") if own else self._quantity
        self._source = evaluate(model, self._sets, given, others=tuple(self._others))

    def run_witness(self, run: Callable[[NDArray[np.float64]], tuple[NDArray[np.float64], ...] | None]) -> None:
        """Runs the model that the file comes from in float64, where it can be: the truth is held against that."""
        self._witness = run(self._sets[0].exact[:IMAGES])

    def judge(self, file: Path, recall: Callable[[], Numbers], name: Path) -> VerifyReport:
        """Checks the structure, the numbers, the outputs and the head of a file that was just written.

        Args:
            file: where it is for now.
            recall: loads the weights that it should hold: now, and again where a failure is looked into, so that they
                need not be in memory all along.
            name: what the report calls the file.
        """
        tested = canonical_model(file, recall, self._network, self._proof, tuple(self._others))
        if (wrong := tested.wrong or self._other_head(tested)) is not None:
            return VerifyReport.refused(str(name), wrong)
        candidate = Candidate("the file", lambda: open_session(RUNTIME, file))
        evaluation = evaluate(candidate, self._sets, tested.given, tested.activation, tested.others)
        truths = Truths(tested.oracle, {(self._sets[0].kind, self._quantity): self._truth.result()})
        source = self._source
        same = source is not None and source.quantity == evaluation.quantity
        witnessed = self._witnessed(truths)
        vouched = bool(witnessed) and all(agrees(found, truth) for _, found, truth in witnessed)
        verdict = judge(tested, self._sets, truths, [evaluation], source, vouched=vouched)
        if source is not None and not same:
            judge_source(verdict, self._sets, truths, source, self._activation, vouched=vouched)
        witness = max((self._distance(verdict, *one) for one in witnessed), default=None)
        diagnosis = self._diagnose(verdict, tested.oracle) if verdict.failures else None
        opens = partial(open_session, RUNTIME)
        preparation = measure(RUNTIME, opens, file, tested.taken, tested.preprocessing, self._images)
        if (far := too_far(preparation)) is not None:
            verdict.failures.append(f"{RUNTIME}: {far}.")
        return VerifyReport(
            str(name),
            not verdict.failures,
            tuple(verdict.comparisons),
            tuple(verdict.failures),
            notes=(*self._notes, *verdict.notes),
            diagnosis=diagnosis,
            truth=tested.oracle.description,
            yardstick=source.candidate.label if source is not None and same else "NumPy in float32",
            witness=witness,
            preparation=tuple(preparation),
        )

    def _other_head(self, tested: ModelUnderTest) -> Diagnosis | None:
        """Where the file makes something else of its logits than its source does, and nobody asked for that."""
        made = tested.activation or "none"
        if self._head in ("asked", made):
            return None
        detail = f"the activation behind it is {made}, and that of the source is {self._head}"
        return Diagnosis(self._network.output, "the file", detail, None)

    def _diagnose(self, verdict: Verdict, network: NetworkOracle) -> Diagnosis | None:
        """Where it goes wrong first; None where only a head is wrong."""
        source = self._source
        if source is not None and not self._built and (source in verdict.wrong or self._witness_failed):
            side = source.candidate.label if self._contradicts_itself(source) else self._reading
            return diagnose_reading(source.candidate, network, self._sets[0], side)
        if not verdict.failed:
            return None
        failed, inputs = verdict.failed[0]
        return diagnose(failed.candidate, network, inputs)[0]

    def _contradicts_itself(self, source: Evaluation) -> bool:
        """Whether the source gives in float32 something else than in float64."""
        if self._witness is None:
            return False
        inputs = self._sets[0]
        first = self._witness[0]
        found = source.outputs[inputs.kind, max(inputs.batches)][: len(first)]
        return not max_error(found, first) <= SUSPICIOUS * float(np.abs(first).max(initial=0.0))

    def _witnessed(self, truths: Truths) -> list[tuple[str | None, Floats, Floats]]:
        """(name of an output, what the source's own float64 run gives, the truth) of each; nothing without that run."""
        if self._witness is None:
            return []
        found: list[tuple[str | None, Floats, Floats]] = []
        for output, given in zip((None, *self._others), self._witness, strict=True):
            truth = truths.of(self._sets[0], "logits", output=output, batch=len(given))
            if output is None and self._activation is not None:
                truth = activate(truth, self._activation)
            found.append((output, given, truth))
        return found

    def _distance(self, verdict: Verdict, output: str | None, found: Floats, truth: Floats) -> float:
        """How far the source's own float64 run is from the truth, over the largest value; it is judged."""
        inputs, source = self._sets[0], self._source
        assert source is not None, "what runs in float64 ran in float32"
        own = max_error(source.of(output)[inputs.kind, max(inputs.batches)][: len(truth)], truth)
        failures = len(verdict.failures)
        distance = judge_float64(verdict, source.candidate.label, found, truth, own, output, self._reading)
        # Where rounding alone decides what the network gives, no layer is to blame.
        blamed = own <= CHAOTIC * float(np.abs(truth).max(initial=0.0))
        self._witness_failed |= blamed and len(verdict.failures) > failures
        return distance

    def close(self) -> None:
        """Waits for the background."""
        self._background.shutdown()

    def _compute_truth(self, numbers: Numbers) -> Outputs:
        """Takes one processor fewer than there are: importing and tracing need one to themselves."""
        oracle = NetworkOracle(self._network, lambda: numbers, self._proof, self._others)
        with threadpool_limits(max(1, (os.cpu_count() or 2) - 1), user_api="blas"):
            return oracle.outputs(self._sets[0], self._quantity, np.float64)
