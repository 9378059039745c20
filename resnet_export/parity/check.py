"""The gate of an export: the written file, held against the model that it came from."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from resnet_export.graph.interface import Activation, Interface
from resnet_export.images import Preprocessing
from resnet_export.network import Network
from resnet_export.network.evaluation import Numbers, outputs_of
from resnet_export.network.operators.operator import Floats
from resnet_export.parity.diagnosis.attribution import diagnose, diagnose_reading
from resnet_export.parity.gate.evaluation import Candidate, Evaluation, activate, evaluate
from resnet_export.parity.gate.gate import SUSPICIOUS, max_error
from resnet_export.parity.gate.inputs import gate_inputs, image_input_of
from resnet_export.parity.gate.judge import Verdict, judge, judge_source
from resnet_export.parity.model_under_test import canonical_model, quantity_of
from resnet_export.parity.reference.oracles import NetworkOracle, Truths, step_of
from resnet_export.parity.results import Diagnosis, VerifyReport
from resnet_export.runtimes import open_session

SPECIFICATION = "the specification"
"""The proof of a network that was built from its specification."""
WITNESSES = 2
"""Images on which the source runs in float64."""
WITNESS = 2.0**-22
"""Distance of the source's own float64 run that passes, over the largest value. Both agree to 1e-14 but for constants
that a converter rounds to float32, such as 1/255, which leave 1e-8."""
OWN_ERROR = 8.0
"""In an ill-conditioned network that rounding grows as its float32 error does, to much less than this share of it."""
RUNTIME = "ort:cpu"
"""What the file is deployed in."""


class Check:
    """Holds a file and its source against the truth, which is computed in the background: it needs no framework."""

    def __init__(
        self,
        network: Network,
        numbers: Numbers,
        proof: str,
        reading: str,
        interface: Interface,
        preprocessing: Preprocessing,
        images: str | os.PathLike[str] | None = None,
    ) -> None:
        """Starts to compute.

        Args:
            network: before its batch norms are folded.
            numbers: its parameters.
            proof: what the truth is: `the specification`, `the model itself` or `the file's own graph`.
            reading: what to call a network that was read off the model itself, where that gives something else.
            interface: how the file will be called.
            preprocessing: how pictures become its input.
            images: a folder of pictures that take part.
        """
        self._quantity = quantity_of(interface.head)
        self._sets, self._notes = gate_inputs(image_input_of(network, interface), preprocessing, images)
        self._background = ThreadPoolExecutor(max_workers=1)
        self._truth = self._background.submit(self._compute_truth, network, numbers)
        self._network, self._proof, self._reading = network, proof, reading
        self._built = proof == SPECIFICATION
        self._source: Evaluation
        self._activation: Activation | None = None
        self._witness: NDArray[np.float64] | None = None
        self._witness_failed = False

    def run_source(self, model: Candidate, activation: Activation | None = None) -> None:
        """Runs the model that the file comes from. It is checked too, and is the yardstick.

        Args:
            model: gives logits.
            activation: what the model makes of its logits before it gives them.
        """
        self._activation = activation
        own = activation is not None or not self._built
        self._source = evaluate(model, self._sets, ("output" if activation else "logits") if own else self._quantity)

    def run_witness(self, run: Callable[[NDArray[np.float64]], NDArray[np.float64] | None]) -> None:
        """Runs the model that the file comes from in float64, where it can be: the truth is held against that."""
        self._witness = run(self._sets[0].exact[:WITNESSES])

    def judge(self, file: Path, recall: Callable[[], Numbers], name: Path) -> VerifyReport:
        """Checks the structure, the numbers, the outputs and the head of a file that was just written.

        Args:
            file: where it is for now.
            recall: loads the weights that it should hold: now, and again where a failure is looked into, so that they
                need not be in memory all along.
            name: what the report calls the file.
        """
        tested = canonical_model(file, recall, self._network, self._proof)
        if (wrong := tested.wrong) is not None:
            return VerifyReport(str(name), False, (), (f"{wrong.layer}: {wrong.detail}",), diagnosis=wrong)
        candidate = Candidate("the file", lambda: open_session(RUNTIME, file))
        evaluation = evaluate(candidate, self._sets, tested.given, tested.activation)
        truths = Truths(tested.oracle, {(self._sets[0].kind, self._quantity): self._truth.result()})
        same = self._source.quantity == evaluation.quantity
        verdict = judge(tested, self._sets, truths, [evaluation], self._source if same else None)
        if not same:
            judge_source(verdict, self._sets, truths, self._source, self._activation)
        witness = self._judge_witness(verdict, truths)
        assert tested.network is not None, "a canonical file has a specification"
        diagnosis = self._diagnose(verdict, tested.network) if verdict.failures else None
        return VerifyReport(
            str(name),
            not verdict.failures,
            tuple(verdict.comparisons),
            tuple(verdict.failures),
            notes=tuple(self._notes),
            diagnosis=diagnosis,
            truth=tested.oracle.description,
            yardstick=self._source.candidate.label if same else "NumPy in float32",
            witness=witness,
        )

    def _diagnose(self, verdict: Verdict, network: NetworkOracle) -> Diagnosis | None:
        """Where it goes wrong first; None where only a head is wrong."""
        failed = [evaluation for evaluation, _ in verdict.failed]
        if not self._built and (self._source in failed or self._witness_failed):
            side = self._source.candidate.label if self._contradicts_itself() else self._reading
            return diagnose_reading(self._source.candidate, network, self._sets[0], side)
        if not failed:
            return None
        diagnosis, _ = diagnose(failed[0].candidate, network, verdict.failed[0][1])
        return diagnosis

    def _contradicts_itself(self) -> bool:
        """Whether the source gives in float32 something else than in float64."""
        if self._witness is None:
            return False
        inputs = self._sets[0]
        found = self._source.outputs[inputs.kind, max(inputs.batches)][: len(self._witness)]
        return not max_error(found, self._witness) <= SUSPICIOUS * float(np.abs(self._witness).max())

    def _judge_witness(self, verdict: Verdict, truths: Truths) -> float | None:
        """How far the source's own float64 run is from the truth, over the truth's largest value; None without one."""
        if self._witness is None:
            return None
        inputs = self._sets[0]
        logits = truths.of(inputs, "logits")[: len(self._witness)]
        truth = logits if self._activation is None else activate(logits, self._activation)
        scale = float(np.abs(truth).max())
        error = max_error(self._witness, truth)
        own = max_error(self._source.outputs[inputs.kind, max(inputs.batches)][: len(truth)], truth)
        allowed = max(WITNESS * scale, own / OWN_ERROR)
        self._witness_failed = not error <= allowed
        if self._witness_failed:
            verdict.failures.append(
                f"{self._source.candidate.label} itself, in float64, is {error:.3g} from the network that was read "
                f"from it ({allowed:.3g} is allowed): {self._reading} is another network."
            )
        return error / scale if scale else error

    def close(self) -> None:
        """Waits for the background."""
        self._background.shutdown()

    def _compute_truth(self, network: Network, numbers: Numbers) -> Floats:
        """Takes one processor fewer than there are: importing and tracing need one to themselves."""
        with threadpool_limits(max(1, (os.cpu_count() or 2) - 1), user_api="blas"):
            return outputs_of(network, numbers, self._sets[0].exact, [step_of(network, self._quantity)])[0]
