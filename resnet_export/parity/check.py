"""The gate of an export: the written file, held against the model that it came from."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from threadpoolctl import threadpool_limits

from resnet_export.graph.interface import Interface
from resnet_export.images import Preprocessing
from resnet_export.parity.diagnosis.attribution import diagnose
from resnet_export.network import Network
from resnet_export.network.evaluation import Numbers, outputs_of
from resnet_export.network.operators.operator import Floats
from resnet_export.parity.gate.evaluation import Candidate, Evaluation, evaluate
from resnet_export.parity.gate.inputs import gate_inputs, image_input_of
from resnet_export.parity.gate.judge import judge
from resnet_export.parity.model_under_test import canonical_model, quantity_of
from resnet_export.parity.reference.oracles import Truths, step_of
from resnet_export.parity.results import VerifyReport
from resnet_export.runtimes import open_session

RUNTIME = "ort:cpu"
"""What the file is deployed in."""


class Check:
    """Holds a file and its source against the truth, which is computed in the background: it needs no framework."""

    def __init__(
        self,
        network: Network,
        numbers: Numbers,
        interface: Interface,
        preprocessing: Preprocessing,
        images: str | os.PathLike[str] | None = None,
    ) -> None:
        """Starts to compute.

        Args:
            network: before its batch norms are folded.
            numbers: its parameters.
            interface: how the file will be called.
            preprocessing: how pictures become its input.
            images: a folder of pictures that take part.
        """
        self._quantity = quantity_of(interface.head)
        self._sets, self._notes = gate_inputs(image_input_of(network, interface), preprocessing, images)
        self._background = ThreadPoolExecutor(max_workers=1)
        self._truth = self._background.submit(self._compute_truth, network, numbers)
        self._source: Evaluation

    def run_source(self, model: Candidate) -> None:
        """Runs the model that the file comes from. It is checked too, and is the yardstick."""
        self._source = evaluate(model, self._sets, self._quantity)

    def judge(self, file: Path, recall: Callable[[], Numbers], name: Path) -> VerifyReport:
        """Checks the structure, the numbers, the outputs and the head of a file that was just written.

        Args:
            file: where it is for now.
            recall: loads the weights that it should hold: now, and again where a failure is looked into, so that they
                need not be in memory all along.
            name: what the report calls the file.
        """
        tested = canonical_model(file, recall)
        if (wrong := tested.wrong) is not None:
            return VerifyReport(str(name), False, (), (f"{wrong.layer}: {wrong.detail}",), diagnosis=wrong)
        candidate = Candidate("the file", lambda: open_session(RUNTIME, file))
        evaluation = evaluate(candidate, self._sets, tested.given, tested.activation)
        truths = Truths(tested.oracle, {(self._sets[0].kind, self._quantity): self._truth.result()})
        verdict = judge(tested, self._sets, truths, [evaluation], self._source)
        diagnosis = None
        if verdict.failed:
            failed, inputs = verdict.failed[0]
            assert tested.network is not None, "a canonical file has a specification"
            diagnosis, _ = diagnose(failed.candidate, tested.network, inputs)
        return VerifyReport(
            str(name),
            not verdict.failures,
            tuple(verdict.comparisons),
            tuple(verdict.failures),
            notes=tuple(self._notes),
            diagnosis=diagnosis,
            truth=tested.oracle.description,
            yardstick=self._source.candidate.label,
        )

    def close(self) -> None:
        """Waits for the background."""
        self._background.shutdown()

    def _compute_truth(self, network: Network, numbers: Numbers) -> Floats:
        """Takes one processor fewer than there are: importing and tracing need one to themselves."""
        with threadpool_limits(max(1, (os.cpu_count() or 2) - 1), user_api="blas"):
            return outputs_of(network, numbers, self._sets[0].exact, [step_of(network, self._quantity)])[0]
