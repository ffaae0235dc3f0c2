"""Contraction: every sum of products of arrays is one primitive, `einsum`.

It is linear in each operand, and its derivative, transpose and batch rules are einsums again.
`contract` is what the rules and the user's functions call: it splits a contraction into the
cheapest sequence of steps with one or two operands, each a primitive.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from fxad.ir.primitive import Code, Unknown, require
from fxad.ir.program import Params
from fxad.ir.types import ArrayType
from fxad.primitives.arithmetic import equal, mul
from fxad.primitives.creation import iota_like
from fxad.primitives.families import Operation
from fxad.primitives.logical import logical_and
from fxad.primitives.samples import normal, sample
from fxad.primitives.selection import where
from fxad.primitives.structural import broadcast, permute, reduce_sum
from fxad.tracing import bind

__all__ = ["LETTERS", "contract", "einsum", "plan", "split_spec", "unique"]

#: The letters of subscripts, in the order in which they are handed out.
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

#: A stack of matrices smaller than this is multiplied with vectors faster by np.einsum's own loop
#: than by one call of BLAS for each matrix.
_SMALL_MATRIX = 100


class Einsum(Operation):
    """The sum of products that `spec` writes: `"ab,bc->ac"`, explicit, without spaces and ellipsis.

    A letter may be repeated in one operand (its diagonal). All operands have one dtype.
    """

    linear = (0, 1)

    def infer(self, *types: ArrayType, spec: str) -> ArrayType:
        terms, out = split_spec(spec)
        require(len(terms) == len(types) > 0, f"einsum {spec!r} of {len(types)} operands")
        sizes: dict[str, int] = {}
        for term, type in zip(terms, types, strict=True):
            require(len(term) == type.ndim,
                    f"einsum: the subscripts {term!r} do not fit an operand of shape {type.shape}")
            for letter, n in zip(term, type.shape, strict=True):
                require(sizes.setdefault(letter, n) == n,
                        f"einsum {spec!r}: index {letter!r} has both size {sizes[letter]} and {n}")
        require(len(set(out)) == len(out) and set(out) <= set(sizes),
                f"einsum {spec!r}: the output repeats a letter, or has one of no operand")
        require(len({t.dtype for t in types}) == 1, f"einsum of operands of types {types}")
        return ArrayType(tuple(sizes[c] for c in out), types[0].dtype)

    def emit(self, *operands: Code, spec: str) -> str:
        terms, out = split_spec(spec)
        if len(operands) == 1:
            return _emit_one(operands[0], terms[0], out, spec)
        if len(operands) == 2 and _is_plain(terms, out):
            (x, y), (a, b) = operands, terms
            return _emit_two(x, y, a, b, out)
        optimize = ", optimize=True" if len(operands) > 2 else ""
        return f"np.einsum({spec!r}, {', '.join(operands)}{optimize})"

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any], out: Any, *, spec: str) -> Any:
        total = None
        for i, dx in enumerate(tangents):
            if dx is not None:
                term = contract(spec, *primals[:i], dx, *primals[i + 1 :])
                total = term if total is None else total + term
        return total

    def transpose(self, ct: Any, *operands: Any, spec: str) -> Any:
        terms, out = split_spec(spec)
        (i,) = (i for i, x in enumerate(operands) if isinstance(x, Unknown))
        term, shape = terms[i], operands[i].shape
        others = terms[:i] + terms[i + 1 :]
        # A letter that only the operand has was summed alone: its cotangent is constant along it.
        letters = unique(c for c in term if c in out or any(c in other for other in others))
        pulled = contract(
            f"{','.join((out, *others))}->{letters}", ct, *operands[:i], *operands[i + 1 :]
        )
        if letters != term:
            pulled = broadcast(pulled, shape=shape, axes=tuple(term.index(c) for c in letters))
        given: list[Any] = [None] * len(operands)
        given[i] = _on_diagonal(pulled, term, shape)
        return tuple(given)

    def batch(
        self, size: int, operands: Sequence[Any], dims: Sequence[int | None], *, spec: str
    ) -> tuple[Any, Any]:
        terms, out = split_spec(spec)
        fresh = next(c for c in LETTERS if c not in spec)
        mapped = [
            t if d is None else t[:d] + fresh + t[d:] for t, d in zip(terms, dims, strict=True)
        ]
        return contract(f"{','.join(mapped)}->{fresh}{out}", *operands), 0

    def flops(self, *types: ArrayType, spec: str) -> int:
        terms, _ = split_spec(spec)
        sizes = {c: n for t, x in zip(terms, types, strict=True)
                 for c, n in zip(t, x.shape, strict=True)}
        return len(terms) * math.prod(sizes.values())


def split_spec(spec: str) -> tuple[tuple[str, ...], str]:
    """The subscripts of the operands, and of the output."""
    terms, _, out = spec.partition("->")
    return tuple(terms.split(",")), out


def unique(letters: Iterator[str] | str) -> str:
    """The letters in order of appearance, each once."""
    return "".join(dict.fromkeys(letters))


def _is_plain(terms: Sequence[str], out: str) -> bool:
    """Whether no letter is repeated in an operand or summed in one operand alone."""
    once = all(len(set(t)) == len(t) for t in terms)
    return once and all(sum(c in t for t in terms) > 1 for c in "".join(terms) if c not in out)


def _on_diagonal(x: Any, term: str, shape: tuple[int, ...]) -> Any:
    """`x` where all axes of a repeated letter have one index, and zero elsewhere.

    Not a product with an identity matrix, which would turn an inf off the diagonal into NaN.
    """
    mask = None
    for axis, letter in enumerate(term):
        first = term.index(letter)
        if first != axis:
            same = equal(iota_like(x, shape, first), iota_like(x, shape, axis))
            mask = same if mask is None else logical_and(mask, same)
    return x if mask is None else where(mask, x, 0)


# -- one step after another -----------------------------------------------------------------------


def contract(spec: str, *operands: Any) -> Any:
    """The contraction of operands of one dtype, in the cheapest steps of at most two operands."""
    shapes = tuple(np.shape(x) if x.__class__ in (int, float, complex, bool) else x.shape
                   for x in operands)
    left = list(operands)
    for positions, step, params in plan(spec, shapes):
        taken = [left[i] for i in positions]
        left[positions[0]] = bind(einsum, taken, params) if params else _simple(step, taken)
        if len(positions) == 2:
            del left[positions[1]]
    (result,) = left
    return result


#: The positions of one or two operands, whose contraction `spec` takes the place of the first; and
#: the params of the equation, unless a simpler primitive than `einsum` does it.
Step = tuple[tuple[int, ...], str, Params | None]


@functools.lru_cache(maxsize=4096)
def plan(spec: str, shapes: tuple[tuple[int, ...], ...]) -> tuple[Step, ...]:
    """The steps of a contraction.

    First each operand alone loses its diagonals and what is summed in it alone; then the pair goes
    first whose product is smallest beside its factors, of equal ones that with least work.
    """
    terms, out = split_spec(spec)
    sizes = {c: n for t, s in zip(terms, shapes, strict=True) for c, n in zip(t, s, strict=True)}
    left = list(terms)
    steps: list[Step] = []

    def take(positions: tuple[int, ...]) -> str:
        """The letters that are left when these operands have been contracted."""
        kept = set(out).union(*(t for i, t in enumerate(left) if i not in positions))
        return unique(c for i in positions for c in left[i] if c in kept)

    def contract_at(positions: tuple[int, ...], made: str) -> None:
        step = canonical([left[i] for i in positions], made)
        steps.append((positions, step, None if _is_simple(step) else Params(spec=step)))
        left[positions[0]] = made
        if len(positions) == 2:
            del left[positions[1]]

    def cost(pair: tuple[int, int]) -> tuple[int, int]:
        factors = [left[i] for i in pair]
        growth = _size(take(pair), sizes) - sum(_size(t, sizes) for t in factors)
        return growth, _size(unique("".join(factors)), sizes)

    for i in range(len(left)):
        if take((i,)) != left[i]:
            contract_at((i,), take((i,)))
    while len(left) > 2:
        pair = min(itertools.combinations(range(len(left)), 2), key=cost)
        contract_at(pair, take(pair))
    if len(left) == 2:
        contract_at((0, 1), out)
    elif left[0] != out:
        contract_at((0,), out)
    return tuple(steps)


def _size(letters: str, sizes: dict[str, int]) -> int:
    return math.prod(sizes[c] for c in letters)


def canonical(terms: Sequence[str], out: str) -> str:
    """The subscripts with their letters renamed a, b, c, ... in order of appearance."""
    names = dict(zip(unique(itertools.chain(*terms)), LETTERS, strict=False))
    renamed = ["".join(names[c] for c in t) for t in (*terms, out)]
    return f"{','.join(renamed[:-1])}->{renamed[-1]}"


def _is_simple(spec: str) -> bool:
    """Whether it only sums and permutes axes, or multiplies element by element."""
    terms, out = split_spec(spec)
    if len(terms) == 1:
        return len(set(terms[0])) == len(terms[0])
    return set(terms[0]) == set(terms[1]) == set(out)


def _simple(spec: str, operands: Sequence[Any]) -> Any:
    """A step that is simple, by simpler primitives."""
    terms, out = split_spec(spec)
    moved = [_sum_and_permute(x, t, out, spec) for x, t in zip(operands, terms, strict=True)]
    return moved[0] if len(moved) == 1 else mul(*moved)


def _sum_and_permute(x: Any, term: str, out: str, spec: str) -> Any:
    gone = tuple(i for i, c in enumerate(term) if c not in out)
    if gone:
        if x.dtype.kind not in "fc":  # the sum of integers would be wider
            return einsum(x, spec=spec)
        x = reduce_sum(x, axes=gone)
        term = "".join(c for c in term if c in out)
    return x if term == out else permute(x, axes=tuple(term.index(c) for c in out))


# -- the fastest way to write it ------------------------------------------------------------------


def _emit_one(x: Code, term: str, out: str, spec: str) -> str:
    if len(set(term)) < len(term):
        text = f"np.einsum({spec!r}, {x})"
        return f"{text}.copy()" if set(term) == set(out) else text  # a diagonal is a view
    if term == out:
        return f"np.copy({x})[()]"
    if set(term) == set(out):
        return f"{_transposed(x, term, out)}.copy()"
    if x.type.dtype.kind not in "fc":
        return f"np.einsum({spec!r}, {x})"
    axes = tuple(i for i, c in enumerate(term) if c not in out)
    axis = "" if not out else f", axis={axes[0] if len(axes) == 1 else axes}"
    return _transposed(f"np.sum({x}{axis})", "".join(c for c in term if c in out), out)


def _emit_two(x: Code, y: Code, a: str, b: str, out: str) -> str:
    """The product of `x` and `y`; each letter is in two of the three subscripts at least."""
    if not any(c not in out for c in a):
        return f"{_spread(x, a, out)} * {_spread(y, b, out)}"
    if any(c in b and c in out for c in a):
        return _emit_stack(x, y, a, b, out)
    summed = "".join(c for c in a if c in b)
    rows, columns = ("".join(c for c in t if c not in summed) for t in (a, b))
    if rows and columns and out == columns + rows:
        x, y, a, b, rows, columns = y, x, b, a, columns, rows
    sizes = _sizes_of((x, y), (a, b))
    left = _grouped(x, a, (rows, summed), sizes)
    right = _grouped(y, b, (summed, columns), sizes)
    text = f"{left}.dot({right})"
    if len(rows) > 1 or len(columns) > 1:
        text += f".reshape({_shape(rows + columns, sizes)})"
    return _transposed(text, rows + columns, out)


def _emit_stack(x: Code, y: Code, a: str, b: str, out: str) -> str:
    """Products of stacks: some letters are in both operands and in the output."""
    sizes = _sizes_of((x, y), (a, b))
    stack = "".join(c for c in out if c in a and c in b)
    summed = "".join(c for c in a if c not in out)
    rows, columns = ("".join(c for c in t if c not in stack and c not in summed) for t in (a, b))
    if rows or columns:
        one_vector = not (rows and columns)
        by_loops = one_vector and _size(rows + columns + summed, sizes) < _SMALL_MATRIX
    else:
        by_loops = not a == b == stack + summed
    if by_loops:
        return f"np.einsum({f'{a},{b}->{out}'!r}, {x}, {y})"
    whole = ", ".join([":"] * len(stack))
    left = _grouped(x, a, (*stack, rows, summed), sizes)
    right = _grouped(y, b, (*stack, summed, columns), sizes)
    if not rows:
        left = f"{left}[{whole}, None, :]"
    if not columns:
        right = f"{right}[{whole}, :, None]"
    text = f"np.matmul({left}, {right})"
    if not (rows and columns):
        text += f"[{whole}, {':' if rows else '0'}, {':' if columns else '0'}]"
    if len(rows) > 1 or len(columns) > 1:
        text += f".reshape({_shape(stack + rows + columns, sizes)})"
    return _transposed(text, stack + rows + columns, out)


def _sizes_of(operands: Sequence[Code], terms: Sequence[str]) -> dict[str, int]:
    return {c: n for x, t in zip(operands, terms, strict=True)
            for c, n in zip(t, x.type.shape, strict=True)}


def _grouped(x: str, term: str, groups: Sequence[str], sizes: dict[str, int]) -> str:
    """`x` with one axis for each group of letters; an empty group has none."""
    text = _transposed(x, term, "".join(groups))
    if any(len(g) > 1 for g in groups):
        text += f".reshape({', '.join(str(_size(g, sizes)) for g in groups if g)})"
    return text


def _shape(letters: str, sizes: dict[str, int]) -> str:
    return ", ".join(str(sizes[c]) for c in letters)


def _spread(x: str, term: str, out: str) -> str:
    """`x` with its axes in the order of `out` and new ones of size 1, ready to be broadcast."""
    order = "".join(c for c in out if c in term)
    text = _transposed(x, term, order)
    if out.endswith(order):
        return text
    marks = [":" if c in order else "None" for c in out[out.index(order[0]) :]]
    return f"{text}[{', '.join(marks)}]"


def _transposed(x: str, term: str, order: str) -> str:
    if term == order:
        return x
    if len(term) == 2:
        return f"{x}.T"
    return f"{x}.transpose({', '.join(str(term.index(c)) for c in order)})"


def _specs(*specs: str, dtypes: str = "f") -> list[Any]:
    sizes = dict(zip("abcde", (2, 3, 4, 1, 5), strict=True)) | {"z": 0}
    made = []
    for spec in specs:
        terms, _ = split_spec(spec)
        makers: list[Callable[..., Any]] = [normal(*(sizes[c] for c in t)) for t in terms]
        made.append(sample(*makers, spec=spec, dtypes=dtypes))
    return made


einsum = Einsum("einsum", samples=[
    *_specs("ab,bc->ac", "a,a->", "aa->a", "abc,acb->a", dtypes="fcib"),
    *_specs("ab,bc->ca", "ba,cb->ac", "ab,b->a", "a,ab->b", "ab,ab->", dtypes="fc"),
    *_specs("abc,abe->ace", "abc,ab->ac", "ab,abc->ac", "abc,dc->abd", "abc,bce->ae", "ab,cb->a"),
    *_specs("a,b->ab", "ab,b->ab", ",ab->ab", ",->", "ab,ba->ba", "aab,b->a", "aba->b"),
    *_specs("ab->a", "ab->b", "abc->ca", "ab->ab", "aa->", "ab->", "a,b,c->abc", "ab,bc,ce->ae"),
    *_specs("za,ab->zb", "az,zb->ab", "z,z->", "zz->z"),
])
