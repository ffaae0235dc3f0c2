"""NumPy's products of arrays - einsum, matmul, dot, trace and their relatives - as contractions.

The functions here are what users call: on tracers and arrays alike, with NumPy's promotion,
broadcasting and errors.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from fxad.ir.primitive import require
from fxad.ir.program import Params
from fxad.ir.types import ArrayType
from fxad.primitives.arithmetic import equal
from fxad.primitives.complexes import conj
from fxad.primitives.creation import iota_like
from fxad.primitives.einsum import LETTERS, contract, plan, unique
from fxad.primitives.einsum import einsum as einsum_p
from fxad.primitives.selection import where
from fxad.primitives.slicing import pad, slice_, whole
from fxad.primitives.structural import broadcast, convert_to, move_axis, reshape
from fxad.tracing import Tracer, attach, infer

__all__ = ["diag", "diagonal", "dot", "einsum", "inner", "kron", "matmul", "matrix_transpose",
           "outer", "rearranged", "tensordot", "trace", "vdot", "vecdot"]


def operand(x: Any) -> Any:
    """A tracer as it is, all else as an array."""
    return x if isinstance(x, Tracer) else np.asarray(x)


def promoted(*operands: Any) -> list[Any]:
    """Arrays in the one dtype that NumPy gives to a product of theirs."""
    arrays = [x if x.__class__ is Tracer else np.asarray(x) for x in operands]
    dtype = arrays[0].dtype
    for x in arrays:
        if x.dtype != dtype:
            break
    else:
        return arrays
    dtype = np.result_type(*(x.dtype for x in arrays))
    return [x if x.dtype == dtype else convert_to(x, dtype) for x in arrays]


# -- einsum ---------------------------------------------------------------------------------------


def einsum(*operands: Any) -> Any:
    """Einstein's summation: `einsum("ij,jk->ik", x, y)`, with all of NumPy's syntax.

    Args:
        operands: the subscripts and then the arrays, or each array followed by its list of axis
            numbers and at last, if wanted, the list of the output's. Subscripts may have an
            ellipsis, and leave out the output: then it has the letters that occur once, in
            alphabetical order.

    Raises:
        ValueError: the subscripts are malformed, or do not fit the arrays.
    """
    subscripts, given = _written(operands)
    arrays = promoted(*given)
    spec, shapes = _explicit(subscripts, tuple(x.shape for x in arrays))
    return contract(spec, *_squeezed(arrays, shapes))


def rearranged(*operands: Any) -> str | None:
    """The explicit subscripts of an einsum that only rearranges one array, which NumPy gives as a view."""
    subscripts, given = _written(operands)
    if len(given) != 1:
        return None
    spec, shapes = _explicit(subscripts, (given[0].shape,))
    inside, _, outside = spec.partition("->")
    return spec if set(inside) == set(outside) and shapes[0] == given[0].shape else None


def _squeezed(arrays: Sequence[Any], shapes: Sequence[tuple[int, ...]]) -> list[Any]:
    """The arrays without the axes that broadcast; being the same all along, they need no letter."""
    return [x if x.shape == shape else reshape(x, shape=shape)
            for x, shape in zip(arrays, shapes, strict=True)]


def _written(operands: Sequence[Any]) -> tuple[str, Sequence[Any]]:
    """The subscripts as a string, and the arrays."""
    require(len(operands) > 1, "einsum takes the subscripts and at least one array")
    if isinstance(operands[0], str):
        return operands[0].replace(" ", ""), operands[1:]
    pairs = len(operands) // 2
    terms = [_term(operands[2 * i + 1]) for i in range(pairs)]
    output = f"->{_term(operands[-1])}" if len(operands) % 2 else ""
    return ",".join(terms) + output, [operands[2 * i] for i in range(pairs)]


def _term(axes: Any) -> str:
    """A list of axis numbers, maybe with an Ellipsis, as letters in NumPy's order: A-Z, a-z."""
    ordered = LETTERS[26:] + LETTERS[:26]
    require(all(a is Ellipsis or 0 <= a < 52 for a in axes),
            "einsum: the numbers of axes are from 0 to 51")
    return "".join("..." if a is Ellipsis else ordered[a] for a in axes)


@functools.lru_cache(maxsize=4096)
def _explicit(
    subscripts: str, shapes: tuple[tuple[int, ...], ...]
) -> tuple[str, tuple[tuple[int, ...], ...]]:
    """The subscripts in full for arrays of these shapes, and the shapes without broadcast axes."""
    terms, out, rank = _without_ellipsis(subscripts, shapes)
    free = [c for c in reversed(LETTERS) if c not in subscripts]
    require(rank <= len(free), f"einsum {subscripts!r}: more than 52 different axes")
    extra = "".join(free[:rank][::-1])
    sizes: dict[str, int] = {}
    full = []
    for term, shape in zip(terms, shapes, strict=True):
        letters = term.replace("...", extra[rank - (len(shape) - len(term.replace("...", ""))) :])
        require(len(letters) == len(shape),
                f"einsum: the subscripts {term!r} do not fit an operand of shape {shape}")
        full.append(letters)
        own: dict[str, int] = {}
        for c, n in zip(letters, shape, strict=True):
            require(own.setdefault(c, n) == n and (n == 1 or sizes.get(c, 1) in (1, n)),
                    f"einsum {subscripts!r}: index {c!r} has both size {n} and "
                    f"{own[c] if own[c] != n else sizes.get(c)}")
            sizes[c] = n if n != 1 else sizes.get(c, 1)
    kept = [[n == sizes[c] for c, n in zip(t, s, strict=True)]
            for t, s in zip(full, shapes, strict=True)]
    squeezed = ["".join(c for c, k in zip(t, ks, strict=True) if k)
                for t, ks in zip(full, kept, strict=True)]
    spec = f"{','.join(squeezed)}->{out.replace('...', extra)}"
    require(set(out.replace("...", "")) <= set(sizes),
            f"einsum {subscripts!r}: the output has a letter that no operand has")
    return spec, tuple(tuple(n for n, k in zip(s, ks, strict=True) if k)
                       for s, ks in zip(shapes, kept, strict=True))


def _without_ellipsis(
    subscripts: str, shapes: tuple[tuple[int, ...], ...]
) -> tuple[list[str], str, int]:
    """The terms, the output and the number of axes that the ellipsis stands for."""
    given, arrow, out = subscripts.partition("->")
    terms = given.split(",")
    for term in (*terms, out):
        require(all(c in LETTERS for c in term.replace("...", "", 1)),
                f"einsum: {subscripts!r} is not letters, commas, one '->' and '...'")
    require(len(terms) == len(shapes),
            f"einsum: {subscripts!r} is for {len(terms)} operands, and {len(shapes)} were given")
    rank = max((len(s) - len(t) + 3 for t, s in zip(terms, shapes, strict=True) if "..." in t),
               default=0)
    require(rank >= 0, f"einsum: {subscripts!r} has more letters than an operand has axes")
    if not arrow:
        letters = "".join(terms).replace("...", "")
        once = sorted(c for c in set(letters) if letters.count(c) == 1)
        out = ("..." if rank else "") + "".join(once)
    letters = out.replace("...", "")
    require(len(unique(letters)) == len(letters),
            f"einsum {subscripts!r}: the output repeats a letter")
    require("..." in out or not rank,
            f"einsum {subscripts!r}: the output lacks the ellipsis of the operands")
    return terms, out, rank


# -- products of two arrays -----------------------------------------------------------------------


def matmul(x1: Any, x2: Any, /) -> Any:
    """The matrix product `x1 @ x2`, of stacks of matrices too.

    A vector is a row on the left, and a column on the right.
    """
    key = None
    if x1.__class__ is Tracer and x2.__class__ is Tracer and x1.owner is x2.owner:
        key = (x1.type, x2.type)
        found = _matmul_equations.get(key)
        if found is not None:
            return x1.owner.record(einsum_p, (x1.index, x2.index), *found)
    x, y = promoted(x1, x2)
    spec, shapes = _matmul_spec(x.shape, y.shape)
    if key and (x is x1) and (y is x2) and shapes == (x.shape, y.shape):
        steps = plan(spec, shapes)
        if len(steps) == 1 and steps[0][2]:
            if len(_matmul_equations) > 65536:
                _matmul_equations.clear()
            _matmul_equations[key] = steps[0][2], infer(einsum_p, key, steps[0][2])
    return contract(spec, *_squeezed((x, y), shapes))


#: Params and result types of matrix products that are one equation, by the operands' types: the
#: path that nearly all products take.
_matmul_equations: dict[Any, tuple[Params, ArrayType]] = {}


@functools.lru_cache(maxsize=4096)
def _matmul_spec(
    left: tuple[int, ...], right: tuple[int, ...]
) -> tuple[str, tuple[tuple[int, ...], ...]]:
    """The contraction, and the shapes of the operands without broadcast axes."""
    for i, shape in enumerate((left, right)):
        require(len(shape) > 0, f"matmul: Input operand {i} does not have enough dimensions (it has"
                " 0; a matrix or vector is needed)", fix="x * y, the product with a number")
    n, m = left[-1], right[-2 if len(right) > 1 else 0]
    require(n == m, f"matmul: shapes {left} and {right} do not fit: the last axis of the first has "
            f"size {n}, the {'second last' if len(right) > 1 else 'only'} one of the second {m}")
    first = "a" if len(left) == 1 else "...ba"
    second = "a" if len(right) == 1 else "...ac"
    return _explicit(f"{first},{second}->...{first[-2:-1]}{second[4:]}", (left, right))


def dot(a: Any, b: Any) -> Any:
    """NumPy's dot product: the last axis of `a` with the second last (or only) one of `b`."""
    a, b = promoted(a, b)
    if not (a.ndim and b.ndim):
        return _outer(a, b)
    return _contract_axes(a, b, (a.ndim - 1,), (max(b.ndim - 2, 0),))


def inner(a: Any, b: Any) -> Any:
    """The inner product over the last axes, for all combinations of the others."""
    a, b = promoted(a, b)
    if not (a.ndim and b.ndim):
        return _outer(a, b)
    return _contract_axes(a, b, (a.ndim - 1,), (b.ndim - 1,))


def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """The sum of products over some axes of both arrays.

    Args:
        a: the first array.
        b: the second array.
        axes: how many, the last of `a` and the first of `b`; or the axes of each, as two lists.
    """
    a, b = promoted(a, b)
    if np.ndim(axes) == 0 and not isinstance(axes, (list, tuple)):
        count = int(axes)
        require(0 <= count <= min(a.ndim, b.ndim),
                f"tensordot over {count} axes of {a.shape} and {b.shape}")
        return _contract_axes(a, b, tuple(range(a.ndim - count, a.ndim)), tuple(range(count)))
    first, second = ((int(s),) if np.ndim(s) == 0 else tuple(int(i) for i in s) for s in axes)
    return _contract_axes(a, b, tuple(_axis(i, a.ndim) for i in first),
                          tuple(_axis(i, b.ndim) for i in second))


def outer(a: Any, b: Any) -> Any:
    """All products of an element of `a` and one of `b`, as a matrix."""
    a, b = promoted(a, b)
    return _outer(_ravel(a), _ravel(b))


def vdot(a: Any, b: Any) -> Any:
    """The sum of the products of the conjugate of `a` and of `b`, both as vectors."""
    a, b = promoted(a, b)
    require(a.size == b.size, f"vdot: arrays of {a.size} and {b.size} elements")
    return contract("a,a->", _ravel(_conjugate(a)), _ravel(b))


def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """The sum over `axis` of the products of the conjugate of `x1` and of `x2`, which broadcast."""
    x1, x2 = promoted(x1, x2)
    last = [move_axis(x, _axis(axis, x.ndim), x.ndim - 1) for x in (x1, x2)]
    n, m = (x.shape[-1] for x in last)
    require(n == m, f"vecdot: the axes have sizes {n} and {m}")
    return einsum("...a,...a->...", _conjugate(last[0]), last[1])


def kron(a: Any, b: Any) -> Any:
    """Kronecker's product: blocks of `b`, one for each element of `a`."""
    a, b = promoted(a, b)
    rank = max(a.ndim, b.ndim)
    if rank == 0:
        return contract(",->", a, b)
    a, b = (reshape(x, shape=(1,) * (rank - x.ndim) + x.shape) for x in (a, b))
    first, second = LETTERS[:rank], LETTERS[rank : 2 * rank]
    both = "".join(c + d for c, d in zip(first, second, strict=True))
    blocks = contract(f"{first},{second}->{both}", a, b)
    return reshape(blocks, shape=tuple(n * m for n, m in zip(a.shape, b.shape, strict=True)))


def _contract_axes(a: Any, b: Any, first: tuple[int, ...], second: tuple[int, ...]) -> Any:
    return contract(_spec_of_axes(a.shape, b.shape, first, second), a, b)


@functools.lru_cache(maxsize=4096)
def _spec_of_axes(
    a: tuple[int, ...], b: tuple[int, ...], first: tuple[int, ...], second: tuple[int, ...]
) -> str:
    """The contraction of axes `first` of shape `a` with axes `second` of shape `b`."""
    require(len(first) == len(second) and len(set(first)) == len(first)
            and len(set(second)) == len(second), f"tensordot: axes {first} and {second}")
    for i, j in zip(first, second, strict=True):
        require(a[i] == b[j],
                f"shapes {a} and {b} not aligned: {a[i]} (dim {i}) != {b[j]} (dim {j})")
    left = LETTERS[: len(a)]
    pairs = dict(zip(second, first, strict=True))
    right = "".join(
        left[pairs[j]] if j in pairs else LETTERS[len(a) + j] for j in range(len(b))
    )
    out = "".join(c for c in left + right if (c in left) != (c in right))
    return f"{left},{right}->{out}"


def _outer(a: Any, b: Any) -> Any:
    return _contract_axes(a, b, (), ())


def _ravel(x: Any) -> Any:
    return x if x.ndim == 1 else reshape(x, shape=(x.size,))


def _conjugate(x: Any) -> Any:
    return conj(x) if x.dtype.kind == "c" else x


def _axis(axis: int, ndim: int) -> int:
    if not -ndim <= axis < ndim:
        raise np.exceptions.AxisError(axis, ndim)
    return axis % ndim


def matrix_transpose(x: Any) -> Any:
    """Each matrix of a stack with its rows as columns."""
    return move_axis(x, x.ndim - 1, x.ndim - 2)


# -- diagonals ------------------------------------------------------------------------------------


def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The elements `a[i, i + offset]` along two axes, as a new last axis. A copy."""
    a = operand(a)
    require(a.ndim >= 2, "diag requires an array of at least two dimensions")
    i, j = _axis(axis1, a.ndim), _axis(axis2, a.ndim)
    require(i != j, "axis1 and axis2 cannot be the same")
    first, second = max(-offset, 0), max(offset, 0)
    count = max(min(a.shape[i] - first, a.shape[j] - second), 0)
    starts = {i: min(first, a.shape[i]), j: min(second, a.shape[j])}
    index = tuple((starts[k], starts[k] + count, 1) if k in starts else whole(n)
                  for k, n in enumerate(a.shape))
    if any(entry != whole(n) for entry, n in zip(index, a.shape, strict=True)):
        a = slice_(a, index=index)
    letters = LETTERS[: a.ndim].replace(LETTERS[j], LETTERS[i])
    others = letters.replace(LETTERS[i], "")
    return contract(f"{letters}->{others}{LETTERS[i]}", a)


def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The sum along a diagonal. Integers are added up in 64 bits, as NumPy's sums are."""
    line = diagonal(a, offset, axis1, axis2)
    if line.dtype.kind in "bi":
        line = convert_to(line, np.int64)
    elif line.dtype.kind == "u":
        line = convert_to(line, np.uint64)
    letters = LETTERS[: line.ndim]
    return contract(f"{letters}->{letters[:-1]}", line)


def diag(v: Any, k: int = 0) -> Any:
    """The matrix with the vector `v` on diagonal `k`; of a matrix, that diagonal."""
    v = operand(v)
    require(1 <= v.ndim <= 2, "Input must be 1- or 2-d.")
    if v.ndim == 2:
        return diagonal(v, k)
    (n,) = v.shape
    size, first = n + abs(k), max(-k, 0)
    if k:
        v = pad(v, shape=(size,), index=((first, first + n, 1),))
    rows, columns = (iota_like(v, (size, size), axis) for axis in (0, 1))
    spread = broadcast(v, shape=(size, size), axes=(0,))
    return where(equal(rows + k, columns), spread, v.dtype.type(0))


def _matmul_operator(self: Tracer, other: Any) -> Any:
    return matmul(self, other) if isinstance(other, _ARRAYS) else NotImplemented


def _reflected_matmul(self: Tracer, other: Any) -> Any:
    return matmul(other, self) if isinstance(other, _ARRAYS) else NotImplemented


_ARRAYS = (np.ndarray, np.generic, Tracer, float, int, complex)

attach(__matmul__=_matmul_operator, __rmatmul__=_reflected_matmul)
