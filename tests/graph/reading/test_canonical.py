"""Names that collide, and branches that nothing but their numbers tells apart."""

from __future__ import annotations

import numpy as np
import pytest

from resnet_export.graph.reading import read

from .graphs import model_of, reading_of

MAP = "(float[N,2,4,4] x, {}) => (float[A,B,C,D] y)"


def test_no_step_has_the_name_of_the_image() -> None:
    reading = reading_of(model_of(MAP.format("float[2,2,1,1] input_weight"), "y = Conv(x, input_weight)"))
    assert [step.name for step in reading.network.steps] == ["input.1"]


@pytest.mark.parametrize("body", ["a = Add(x, fuse_v) y = Conv(a, w)", "a = Conv(x, w) b = Tanh(a) y = Add(b, fuse_v)"])
def test_no_step_has_the_name_of_another_s_numbers(body: str) -> None:
    """A module `fuse` that adds a number has that as `fuse.right`, which a module `fuse.right` beside it has too."""
    body = "r = Relu(x) " + body.replace("(x,", "(r,")
    model = model_of(MAP.format("float[2,1,1] fuse_v, float[2,2,1,1] w"), body)
    for value, name in zip(model.graph.inputs[1:], ("fuse.v", "fuse.right.weight"), strict=True):
        value.name = name
    numbers = {"fuse.v": np.ones((2, 1, 1), np.float32), "fuse.right.weight": np.ones((2, 2, 1, 1), np.float32)}
    network = read(model, (2, 4, 4), numbers).network
    names = [step.name for step in network.steps]
    assert len({*names, *network.parameters}) == len(names) + len(network.parameters)


def test_two_long_branches_of_equal_structure() -> None:
    """Each of 700 steps: as many as no recursion follows."""
    lines, last = [], {"a": "x", "b": "x"}
    for index in range(700):
        for branch in "ab":
            op = "Neg" if index % 2 else "Abs"
            lines.append(f"{branch}{index} = {op}({last[branch]})")
            last[branch] = f"{branch}{index}"
    lines += [f"c = Mul({last['a']}, v)", f"d = Mul({last['b']}, w)"]
    body, networks = " ".join(lines), []
    for ending in ("y = Add(c, d)", "y = Add(d, c)"):
        model = model_of(MAP.format("float[2,1,1] v, float[2,1,1] w"), f"{body} {ending}")
        numbers = {name: np.full((2, 1, 1), value, np.float32) for name, value in (("v", 2), ("w", 3))}
        networks.append(read(model, (2, 4, 4), numbers))
    assert networks[0].network == networks[1].network
    assert all((array == networks[1].numbers[name]).all() for name, array in networks[0].numbers.items())
