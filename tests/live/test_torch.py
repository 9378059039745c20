"""Live PyTorch modules of every kind that users have: structure, numbers and runs, with the module left as it was."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn

from resnet_export import live
from resnet_export.errors import InputError
from resnet_export.live.torch import TorchModel
from resnet_export.models.torch import build
from tests.live.running import answers, check_inputs, images, near

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from resnet_export.convert import Topology
    from resnet_export.spec import ResNetSpec

PARAMETERS = {
    "conv.weight": (4, 3, 3, 3),
    "conv.bias": (4,),
    "bn.weight": (4,),
    "bn.bias": (4,),
    "bn.running_mean": (4,),
    "bn.running_var": (4,),
    "fc.weight": (5, 4),
    "fc.bias": (5,),
}


def net() -> nn.Sequential:
    """Convolution, batch norm as after a training, ReLU, pool, classifier; in training mode."""
    torch.manual_seed(0)
    bn = nn.BatchNorm2d(4)
    bn.running_mean = torch.randn(4)
    bn.running_var = torch.rand(4) + 0.5
    layers = {"conv": nn.Conv2d(3, 4, 3, padding=1), "bn": bn, "relu": nn.ReLU(), "pool": nn.AdaptiveAvgPool2d(1)}
    rest = {"flat": nn.Flatten(), "drop": nn.Dropout(), "fc": nn.Linear(4, 5)}
    return nn.Sequential(OrderedDict(layers | rest))


class Around(nn.Module):
    """The network, with what `end` makes of its logits."""

    def __init__(self, end: Callable[[torch.Tensor], Any]) -> None:
        super().__init__()
        self.net = net()
        self.end = end

    def forward(self, x: torch.Tensor) -> Any:
        return self.end(self.net(x))


@dataclass
class Output:
    """Like a ModelOutput of Hugging Face, which torch's exporter doesn't know."""

    loss: torch.Tensor | None
    logits: torch.Tensor
    hidden_states: tuple[torch.Tensor, ...]


class Buffers(nn.Module):
    """Buffers that a state_dict has not, an integer one, a number in the code, and a module that is not used."""

    scale: torch.Tensor
    count: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.net = net()
        self.register_buffer("scale", torch.full((5,), 2.0), persistent=False)
        self.register_buffer("count", torch.tensor(3))
        self.unused = nn.Linear(2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x) * self.scale * self.count + torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])


def weight_norm(old: bool) -> nn.Module:
    model = net()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # the old one is deprecated
        norm = nn.utils.weight_norm if old else nn.utils.parametrizations.weight_norm
        model.conv = norm(model.conv)
    return model


def compiled_inside() -> nn.Module:
    model = net()
    model.conv.compile()
    return nn.Sequential(torch.compile(model[:3]), model[3:])


KINDS: dict[str, Callable[[], nn.Module]] = {
    "plain": net,
    "DataParallel": lambda: nn.DataParallel(net()),
    "AveragedModel": lambda: torch.optim.swa_utils.AveragedModel(net()),
    "compile in DataParallel": lambda: nn.DataParallel(torch.compile(net())),  # type: ignore[arg-type]
    "float64": lambda: net().double(),
    "float16": lambda: net().half(),
    "bfloat16": lambda: net().bfloat16(),
    "channels_last": lambda: net().to(memory_format=torch.channels_last),  # type: ignore[call-overload]
    "compiled inside": compiled_inside,
    "old weight norm": lambda: weight_norm(old=True),
    "weight norm": lambda: weight_norm(old=False),
    "dictionary": lambda: Around(lambda y: {"logits": y, "best": y.argmax(1), "probabilities": y.softmax(1)}),
    "dataclass": lambda: Around(lambda y: Output(None, y, (y * 2,))),
    "tuple": lambda: Around(lambda y: (y, y + 1)),
    "buffers": Buffers,
}

BARE = ("plain", "DataParallel", "AveragedModel", "compile in DataParallel", "float64", "float16", "bfloat16")
"""Kinds whose parameters are those of `net`."""


def test_a_pool_of_permuted_axes_is_traced_as_a_pool() -> None:
    class Permuted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm, self.pool = nn.Conv2d(3, 4, 3), nn.LayerNorm(4), nn.AdaptiveAvgPool2d(1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            permuted = self.norm(self.conv(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
            flat: torch.Tensor = self.pool(permuted).flatten(1)
            return flat

    model = live.of(Permuted().eval())
    topology = model.trace((3, 8, 8))
    assert not {"Gather", "Range"} & {node.op_type for node in topology.graph.graph}
    assert near(*answers(topology, images()), *model.run(images()))


@dataclass
class Case:
    kind: str
    given: nn.Module
    before: dict[str, torch.Tensor]
    modes: list[bool]
    live: TorchModel
    topology: Topology
    answers: tuple[NDArray[Any], ...]


@pytest.fixture(scope="module", params=KINDS)
def case(request: pytest.FixtureRequest) -> Case:
    """A module of the kind, traced and run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch.compile's own use of torch.jit
        given = KINDS[request.param]()
    given.training = False  # the outermost module alone
    before = {name: tensor.clone() for name, tensor in given.state_dict().items()}
    modes = [module.training for module in given.modules()]
    model = live.of(given)
    assert isinstance(model, TorchModel)
    topology = model.trace((3, 8, 8))
    return Case(request.param, given, before, modes, model, topology, model.run(images()))


class TestEveryKind:
    def test_the_inputs_are_the_image_and_the_parameters(self, case: Case) -> None:
        check_inputs(case.topology)
        if case.kind in BARE:
            assert {name: array.shape for name, array in case.topology.parameters.items()} == PARAMETERS

    def test_the_topology_with_its_numbers_is_the_model(self, case: Case) -> None:
        found = answers(case.topology, images())
        assert len(found) == len(case.answers) == len(case.topology.outputs)
        assert all(map(near, found, case.answers))

    def test_float64_is_near_and_finer(self, case: Case) -> None:
        double = case.live.run_float64(images().astype(np.float64))
        assert double is not None
        assert {output.dtype for output in double} == {np.dtype(np.float64)}
        assert all(map(near, case.answers, double))

    def test_the_module_is_left_as_it_was(self, case: Case) -> None:
        after = case.given.state_dict()
        assert list(after) == list(case.before)
        for name, tensor in case.before.items():
            assert after[name].dtype == tensor.dtype
            assert torch.equal(after[name], tensor)
        assert [module.training for module in case.given.modules()] == case.modes
        assert all(parameter.requires_grad for parameter in case.given.parameters())


OUTPUTS = {"dictionary": ("logits", "probabilities"), "dataclass": ("logits", "hidden_states.0"), "tuple": ("0", "1")}


def test_outputs_have_their_users_names(case: Case) -> None:
    assert case.topology.outputs == OUTPUTS.get(case.kind, ("output",))


def test_numbers_are_widened_exactly(case: Case) -> None:
    wide = np.float64 if case.kind == "float64" else np.float32
    assert {array.dtype for array in case.topology.parameters.values()} == {np.dtype(wide)}
    state = case.live.model.state_dict()
    for name, array in case.topology.parameters.items():
        if name in state:
            assert torch.equal(state[name].double(), torch.from_numpy(array.astype(np.float64)))


def test_buffers_are_parameters_unless_they_count() -> None:
    topology = live.of(Buffers()).trace((3, 8, 8))
    assert {"scale", "net.bn.running_mean"} <= topology.parameters.keys()
    assert not {"count", "net.bn.num_batches_tracked"} & topology.parameters.keys()


def test_float64_is_what_numpy_computes() -> None:
    model = net()
    state = {name: tensor.double().numpy() for name, tensor in model.state_dict().items()}
    x = images().astype(np.float64)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))), (3, 3), axis=(2, 3))
    y = np.einsum("ncijhw,ochw->noij", windows, state["conv.weight"]) + state["conv.bias"][:, None, None]
    scale = state["bn.weight"] / np.sqrt(state["bn.running_var"] + 1e-5)
    y = y * scale[:, None, None] + (state["bn.bias"] - state["bn.running_mean"] * scale)[:, None, None]
    expected = np.maximum(y, 0).mean((2, 3)) @ state["fc.weight"].T + state["fc.bias"]
    (found,) = live.of(model).run_float64(x) or ()
    assert near(found, expected, tolerance=1e-14)  # 64 roundings of 2^-53


def test_a_weight_norm_can_be_trained_afterwards() -> None:
    model = weight_norm(old=True)
    model(torch.zeros(2, 3, 8, 8))  # it now has a tensor that torch won't copy
    attached = live.of(model)
    attached.run(images())
    assert attached.run_float64(images().astype(np.float64)) is not None
    model(torch.from_numpy(images())).sum().backward()
    assert model.get_parameter("conv.weight_g").grad is not None


def test_a_module_of_distributed_training() -> None:
    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    try:
        inner = net()
        attached = live.of(nn.parallel.DistributedDataParallel(inner))
    finally:
        torch.distributed.destroy_process_group()
    assert isinstance(attached, TorchModel)
    assert attached.model is inner


class TestImage:
    def test_of_an_own_network(self, tiny: ResNetSpec) -> None:
        assert live.of(build(tiny)).image() == (3, 32, 32)

    def test_of_the_first_convolution(self) -> None:
        assert live.of(nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3))).image() == (1, None, None)

    def test_of_nothing(self) -> None:
        assert live.of(nn.Linear(3, 2)).image() == (None, None, None)

    def test_of_timm_inside_another_module(self) -> None:
        assert live.of(nn.Sequential(timm(input_size=(3, 160, 176)))).image() == (3, 160, 176)

    def test_of_the_convolution_rather_than_of_timms_three_channels(self) -> None:
        model = timm(input_size=(3, 64, 64))
        model.conv = nn.Conv2d(1, 4, 3)
        assert live.of(model).image() == (1, 64, 64)

    def test_of_hugging_face(self) -> None:
        model = nn.Sequential(nn.Linear(2, 2))
        model.config = type("Config", (), {"num_channels": 4})()
        assert live.of(model).image() == (4, None, None)


class TestConfiguration:
    def test_of_timm_inside_another_module(self) -> None:
        model = timm(input_size=(3, 224, 224), crop_pct=0.95)
        assert live.of(nn.Sequential(model)).configuration() == {"timm": model.pretrained_cfg}

    def test_of_no_timm(self) -> None:
        assert live.of(net()).configuration() == {}


def timm(**config: Any) -> nn.Module:
    """A module with the attribute that timm's models have."""
    model = net()
    model.pretrained_cfg = config
    return model


class Branch(nn.Module):
    """Data-dependent control flow."""

    def __init__(self) -> None:
        super().__init__()
        self.net = net()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.net(x)
        return y if y.sum() > 0 else -y


class TestRefusals:
    def test_a_branch_on_data(self, capfd: pytest.CaptureFixture[str]) -> None:
        model = Branch()
        with pytest.raises(InputError) as caught:
            live.of(model).trace((3, 8, 8))
        assert caught.value.message.startswith(
            "PyTorch can't trace the model Branch: GuardOnDataDependentSymNode: Could not guard on data-dependent"
        )
        assert "branches on the values of tensors" in str(caught.value.hint)
        assert caught.value.exit_code == 3
        assert all(module.training for module in model.modules())
        assert capfd.readouterr() == ("", ""), "torch's own account of it is not the user's"

    @pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
    def test_a_module_in_torchscript(self) -> None:
        class Scripted(torch.jit.ScriptModule):
            @torch.jit.script_method
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return x if self.training else 2 * x

        with pytest.raises(InputError) as caught:
            live.of(nn.Sequential(net(), Scripted())).trace((3, 8, 8))
        assert caught.value.hint == "Its module '1' is a TorchScript program: make it an eager torch.nn.Module."

    def test_an_operation_that_the_converter_has_not(self) -> None:
        with pytest.raises(InputError) as caught:
            live.of(Around(lambda y: y.median(1)[0])).trace((3, 8, 8))
        assert str(caught.value.hint).startswith("PyTorch's converter can't write aten.median in this way")

    def test_a_single_image(self) -> None:
        with pytest.raises(InputError, match=r"does not run on a single image of 3 x 8 x 8: IndexError") as caught:
            live.of(Around(lambda y: y.squeeze().softmax(1))).run(images()[:1])
        assert str(caught.value.hint).startswith("It runs on several: a squeeze() without a dimension")

    def test_code_for_a_gpu(self) -> None:
        def on_gpu(y: torch.Tensor) -> torch.Tensor:
            raise AssertionError("Torch not compiled with CUDA enabled")

        with pytest.raises(InputError) as caught:
            live.of(Around(on_gpu)).trace((3, 8, 8))
        assert str(caught.value.hint).startswith("Its forward asks for a GPU")

    def test_images_that_do_not_fit(self) -> None:
        with pytest.raises(
            InputError, match=r"^The model Sequential does not run on images of 1 x 8 x 8: RuntimeError: "
        ):
            live.of(net()).trace((1, 8, 8))

    def test_no_tensor(self) -> None:
        with pytest.raises(InputError, match="The model Around gives no floating tensor, but an object of type dict"):
            live.of(Around(lambda y: {"best": y.argmax(1)})).run(images())

    @pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
    @pytest.mark.parametrize("make", [lambda m: torch.jit.trace(m, torch.zeros(1, 3, 8, 8)), torch.jit.script])
    def test_torchscript(self, make: Callable[[nn.Module], Any]) -> None:
        with pytest.raises(InputError) as caught:
            live.of(nn.DataParallel(make(net().eval())))
        assert "TorchScript program" in caught.value.message
        assert caught.value.hint == (
            "Pass the eager torch.nn.Module from before it was scripted or traced; it has the same weights."
        )
        assert caught.value.exit_code == 3

    @pytest.mark.filterwarnings("ignore:.*:DeprecationWarning", "ignore:.*:FutureWarning")
    def test_exported_program(self) -> None:
        program = torch.export.export(net().eval(), (torch.zeros(2, 3, 8, 8),))
        with pytest.raises(InputError) as caught:
            live.of(program)
        assert "program of torch.export" in caught.value.message
        assert "before it was exported" in str(caught.value.hint)

    @pytest.mark.filterwarnings("ignore:Lazy modules:UserWarning")
    def test_lazy_modules(self) -> None:
        model = nn.Sequential(nn.LazyConv2d(4, 3))
        with pytest.raises(InputError, match=r"The parameter '0.weight' of the model Sequential has no shape yet"):
            live.of(model)
        model(torch.zeros(1, 3, 8, 8))
        assert live.of(model).image() == (3, None, None), "the hint works"

    def test_a_model_without_numbers(self) -> None:
        with torch.device("meta"):
            model = net()
        with pytest.raises(InputError, match=r"The parameter 'conv.weight' of the model Sequential has no numbers"):
            live.of(model)
        model = model.to_empty(device="cpu")
        model.load_state_dict(net().state_dict())
        assert live.of(model.eval()).run(images()), "the hint works"

    def test_a_model_that_has_to_be_copied_and_can_not(self) -> None:
        model = net().half()
        model.lock = (element for element in ())  # a generator can't be copied
        with pytest.raises(InputError, match="The model Sequential can't be copied"):
            live.of(model).run(images())
        assert live.of(copy_of_float(model)).run(images()), "the hint works"


def copy_of_float(model: nn.Module) -> nn.Module:
    return model.float().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload,no-any-return]


class Single(nn.Module):
    """Code that is for float32 alone."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(192, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.flatten(x, 1).float() @ self.fc.weight.T.float()


def test_there_is_no_float64_where_the_code_rounds() -> None:
    assert live.of(Single()).run_float64(images().astype(np.float64)) is None


def test_there_is_no_float64_where_the_module_cannot_be_copied() -> None:
    model = net()
    model.lock = (element for element in ())
    assert live.of(model).run_float64(images().astype(np.float64)) is None
