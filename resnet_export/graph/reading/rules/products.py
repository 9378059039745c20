"""Matrix products."""

import numpy as np

from resnet_export.graph.reading.builder import Builder
from resnet_export.graph.reading.rules import moves
from resnet_export.graph.reading.rules.arguments import Input, Single, feature, number
from resnet_export.graph.reading.rules.elementwise import made
from resnet_export.graph.reading.values import Feature, Number, UnreadableError, Value
from resnet_export.network import Shape, product


def _gemm(
    builder: Builder,
    x: Input,
    weight: Input,
    bias: Input = None,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    transA: int = 0,  # noqa: N803
    transB: int = 0,  # noqa: N803
) -> Value:
    if transA:
        raise UnreadableError("it has transA")
    turned = number(weight) if transB else _turned(number(weight))
    if bias is not None and any(size != 1 for size in number(bias).value().shape[:-1]):
        raise UnreadableError("it adds another number to each image")
    added = None if bias is None else _scaled(number(bias).vector(), beta)
    return _product(builder, feature(x), _scaled(turned, alpha), added)


def _scaled(number: Number, factor: float) -> Number:
    return number if factor == 1.0 else Number("Mul", (number, Number.constant(np.float64(factor))))


def _matmul(builder: Builder, left: Input, right: Input) -> Value:
    if isinstance(left, Feature) and isinstance(right, Number) and len(left.shape) == right.value().ndim == 2:
        return _product(builder, left, _turned(right), None)
    numbers = {role: value for role, value in (("left", left), ("right", right)) if isinstance(value, Number)}
    features = [builder.settled(value) for value in (left, right) if isinstance(value, Feature)]
    return builder.add("MatMul", features, {}, numbers)


def _einsum(builder: Builder, left: Input, right: Input = None, *, equation: str) -> Value:
    """A matrix product of both, with the axes that they share in front, and what is summed between them.

    y[b, l, r] = sum_k left[b, l, k] right[b, k, r]     b, l, k, r: letters of both and the output, of left, of both, of
                                                        right
    """
    terms, _, output = equation.replace(" ", "").partition("->")
    one, _, other = terms.partition(",")
    letters = {*one, *other}
    left, right = (builder.unpadded(value) if isinstance(value, Feature) else value for value in (left, right))
    plain = all(len({*term}) == len(term) and term.isalpha() for term in (one, other, output))
    if right is None or not plain or letters != {*output} | ({*one} & {*other}):
        raise UnreadableError(f"its equation is {equation}")
    sizes = {**dict(zip(one, _sizes(left), strict=True)), **dict(zip(other, _sizes(right), strict=True))}
    shared = "".join(letter for letter in output if letter in one and letter in other)
    summed = "".join(letter for letter in one if letter in other and letter not in output)
    own = "".join(letter for letter in output if letter not in other)
    others = "".join(letter for letter in output if letter not in one)
    if isinstance(left, Number):
        return _einsum(builder, right, left, equation=f"{other},{one}->{output}")
    # A number is the same for every place of the value: these stay axes of their own.
    alone = isinstance(right, Number)
    groups = (*own, *shared, *(("",) if shared else ())) if alone else (*shared, own)
    found = own + shared + others if alone else shared + own + others

    def arranged(value: Input, term: str, *groups: str) -> Value:
        order = tuple(term.index(letter) for group in groups for letter in group)
        shape = tuple(product(sizes[letter] for letter in group) for group in groups)
        if isinstance(value, Number):
            turned = Number("Transpose", (value,), {"perm": order})
            return Number("Reshape", (turned, Number.constant(np.array(shape))))
        return moves.reshape(builder, moves.transpose(builder, value, order), shape=shape)

    made = _matmul(
        builder,
        arranged(left, one, *groups, summed),
        arranged(right, other, *shared, summed, others),
    )
    apart = moves.reshape(builder, made, shape=tuple(sizes[letter] for letter in found))
    return moves.transpose(builder, apart, tuple(found.index(letter) for letter in output))


def _sizes(value: Input) -> Shape:
    return value.seen if isinstance(value, Feature) else number(value).value().shape


def _product(builder: Builder, x: Feature, weight: Number, bias: Number | None) -> Value:
    """X W' + b; a bias of one number stands for all outputs."""
    if bias is not None and bias.value().size == 1 != weight.value().shape[0]:
        bias = Number("Expand", (bias, Number.constant([weight.value().shape[0]])))
    if bias is not None and bias.value().size != weight.value().shape[0]:
        raise UnreadableError("its bias is not one number for each output")
    if len(x.shape) == 2:
        return builder.add("Gemm", [builder.settled(x)], {"transB": 1}, {"weight": weight, "bias": bias})
    multiplied = builder.add("MatMul", [builder.settled(x)], {}, {"right": _turned(weight)})
    return multiplied if bias is None else made(builder, "Add", multiplied, bias)


def _turned(weight: Number) -> Number:
    """The transpose of a matrix; of a transpose, what it is the transpose of."""
    if weight.op == "Transpose" and tuple(weight.attributes.get("perm", (1, 0))) == (1, 0):
        return weight.operands[0]
    return Number("Transpose", (weight,), {"perm": (1, 0)})


RULES: dict[str, Single] = {"Einsum": _einsum, "Gemm": _gemm, "MatMul": _matmul}
