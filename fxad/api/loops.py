"""Structured loops as single operations: `while_loop`, `fori_loop`, `scan`, `map`."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fxad import tree
from fxad.api.arguments import check_callable
from fxad.api.batching import vmap
from fxad.api.bodies import Body, array_leaf, describe_types, mismatch, record_body, strong_types
from fxad.api.recording import is_array, leaf_type, stacked
from fxad.errors import TreeMismatch, TypeMismatch, explain
from fxad.ir.analysis import has_effects
from fxad.ir.program import Params
from fxad.ir.types import ArrayType
from fxad.primitives.looping import while_
from fxad.primitives.reversal import Schedule
from fxad.primitives.scanning import scan as scan_primitive
from fxad.primitives.structural import convert_to
from fxad.primitives.structured import witnessed
from fxad.source import Source
from fxad.tracing import Tracer, bind

__all__ = ["fori_loop", "map_", "scan", "while_loop"]


def while_loop(
    cond_fun: Callable[[Any], Any], body_fun: Callable[[Any], Any], init_val: Any, *,
    checkpoint: Schedule = None,
) -> Any:
    """`while cond_fun(val): val = body_fun(val)`, starting from `init_val`, as one operation.

    Both modes of differentiation work, with any number of steps: in reverse mode what the backward pass
    needs of each step is kept on a stack.

    Args:
        cond_fun: from the value to one boolean.
        body_fun: from the value to the next, of the same structure and types. Both functions may close over
            traced values, which are differentiated.
        init_val: a pytree of arrays and numbers. A Python number becomes one of NumPy's.
        checkpoint: what reverse mode keeps: what it needs of each step (None), or a few states, from which it
            computes the rest again. An int is a number of segments, "sqrt" as many as each has steps, and
            "binomial" keeps about 2 log2(n) states and repeats the fewest steps that this allows.

    Raises:
        TreeMismatch: `body_fun` changes the structure of the value.
        TypeMismatch: it changes a shape or dtype, or `cond_fun` does not give one boolean.

    Under `vmap` the loop runs until the last element has ended; the others stay as they are.

    >>> import numpy as np, fxad
    >>> def root(a):
    ...     better = lambda x: 0.5 * (x + a / x)
    ...     return fxad.lax.while_loop(lambda x: abs(x * x - a) > 1e-12, better, a)
    >>> root(2.0).round(6), fxad.grad(root)(2.0).round(6)
    (np.float64(1.414214), np.float64(0.353553))
    """
    check_callable(cond_fun, "while_loop")
    check_callable(body_fun, "while_loop")
    kept = _schedule("while_loop", checkpoint)
    start, treedef, types = _carried("while_loop", init_val)
    cond = record_body(cond_fun, "the condition of while_loop", [treedef], types, values=start)
    kinds = [(t.shape, t.dtype.kind) for t in cond.types]
    if kinds != [((), "b")]:
        raise mismatch(
            "while_loop: the condition gives one boolean, and this one returned"
            f" {describe_types(cond.out.treedef, cond.types)}.",
            "a comparison of numbers, or np.all(...) or np.any(...) of an array of booleans")
    body = record_body(body_fun, "the body of while_loop", [treedef], types, values=start)
    body = _steady("while_loop", body, treedef, types)
    count = len(types)
    outs = bind(while_, [*cond.captured, *body.captured, *start], Params(
        cond=_captures_first(cond, count), body=_captures_first(body, count),
        cond_consts=len(cond.captured), body_consts=len(body.captured), carry=count, checkpoint=kept))
    return tree.unflatten(treedef, outs[:count])


def fori_loop(
    lower: Any, upper: Any, body_fun: Callable[[Any, Any], Any], init_val: Any, *, unroll: int | bool = 1,
    checkpoint: Schedule = None,
) -> Any:
    """`for i in range(lower, upper): val = body_fun(i, val)`, starting from `init_val`, as one operation.

    Args:
        lower: the first index: an int, or a traced integer.
        upper: the end of the indices, which is not one of them.
        body_fun: from the index and the value to the next value, of the same structure and types.
        init_val: a pytree of arrays and numbers.
        unroll: how many steps are written out one after the other (True: all), if the bounds are not traced.
        checkpoint: what reverse mode keeps of the steps, as in `while_loop`.

    Raises:
        TypeMismatch: a bound is no integer, or `body_fun` changes a shape or dtype.
        TreeMismatch: `body_fun` changes the structure of the value.

    >>> import fxad
    >>> power = lambda x, n: fxad.lax.fori_loop(0, n, lambda i, y: y * x, 1.0)
    >>> power(2.0, 10), fxad.grad(power)(2.0, 10)
    (np.float64(1024.0), np.float64(5120.0))
    """
    check_callable(body_fun, "fori_loop")
    bounds = [_bound(lower, "lower"), _bound(upper, "upper")]
    if not any(isinstance(b, Tracer) for b in bounds):
        first, last = (int(b) for b in bounds)

        def step(carried: Any, _: Any) -> Any:
            i, value = carried
            return (i + 1, body_fun(i, value)), None

        (_, value), _ = _scan("fori_loop", step, (np.int64(first), init_val), None, max(last - first, 0),
                              False, unroll, checkpoint)
        return value
    if unroll is not True and as_int(unroll, "unroll") != 1:
        raise mismatch("fori_loop: a loop with traced bounds can't be unrolled.", "unroll=1")
    low, high = (convert_to(b, np.int64) if isinstance(b, Tracer) else np.int64(b) for b in bounds)
    _, _, value = while_loop(lambda c: c[0] < c[1], lambda c: (c[0] + 1, c[1], body_fun(c[0], c[2])),
                             (low, high, init_val), checkpoint=checkpoint)
    return value


def scan(
    f: Callable[[Any, Any], tuple[Any, Any]], init: Any, xs: Any = None, length: int | None = None,
    reverse: bool = False, unroll: int | bool = 1, *, checkpoint: Schedule = None,
) -> tuple[Any, Any]:
    """`carry, y = f(carry, x)` for each x along the first axis of `xs`: the last carry, and the ys stacked.

    Args:
        f: from the carry and an element to the next carry, of the same structure and types, and an output.
        init: the first carry: a pytree of arrays and numbers.
        xs: a pytree of arrays with first axes of one length, or None.
        length: the number of steps; needed where `xs` is None.
        reverse: go from the last element to the first; the ys stay at the places of their xs.
        unroll: how many steps are written out one after the other in the loop (True: all of them).
        checkpoint: what reverse mode keeps of the steps, as in `while_loop`.

    Returns:
        `(carry, ys)`; `ys` has the structure of the output of `f`, with a first axis more.

    Raises:
        TypeMismatch: lengths differ or are missing, `f` gives no pair, or changes a shape or dtype.
        TreeMismatch: `f` changes the structure of the carry.

    >>> import numpy as np, fxad
    >>> fxad.lax.scan(lambda total, x: (total + x, total * x), 0.0, np.array([1.0, 2.0, 3.0]))
    (np.float64(6.0), array([0., 2., 9.]))
    """
    check_callable(f, "scan")
    leaves = [array_leaf(leaf, "xs of scan") for leaf in tree.leaves(xs)]
    sizes = {leaf_type(leaf).shape[:1] for leaf in leaves}
    if () in sizes:
        raise mismatch("scan: xs holds a number, which has no axis to go along.",
                       "arrays in xs; let f close over what is the same at every step")
    if length is not None:
        sizes.add((as_int(length, "length"),))
    if len(sizes) > 1:
        raise mismatch(f"scan: xs have first axes of different lengths, or length is another:"
                       f" {sorted(n for (n,) in sizes)}.", "arrays of one length")
    if not sizes:
        raise mismatch("scan: there is neither an array in xs nor a length.", "length=n")
    ((count,),) = sizes
    if count < 0:
        raise mismatch(f"scan: length={count}.", "a length of at least 0")
    carry, ys = _scan("scan", f, init, xs, count, bool(reverse), unroll, checkpoint)
    return carry, ys


def map_(f: Callable[[Any], Any], xs: Any, *, batch_size: int | None = None) -> Any:
    """`f` of each element along the first axis of `xs`, one after the other, stacked.

    Where `vmap` does all elements at once, this needs the memory of one.

    Args:
        f: a function of one element.
        xs: a pytree of arrays with first axes of one length.
        batch_size: do so many elements at once, by `vmap`.

    >>> import numpy as np, fxad
    >>> fxad.lax.map(lambda x: x * x, np.array([1.0, 2.0, 3.0]))
    array([1., 4., 9.])
    """
    check_callable(f, "map")
    if batch_size is None:
        return scan(lambda _, x: ((), f(x)), (), xs)[1]
    size = as_int(batch_size, "batch_size")
    if size < 1:
        raise mismatch(f"map: batch_size={size}.", "a batch_size of at least 1")
    lengths = {leaf_type(stacked(leaf)).shape[:1] for leaf in tree.leaves(xs)}
    if len(lengths) != 1 or () in lengths:
        raise mismatch("map: xs holds no arrays, or arrays with first axes of different lengths.",
                       "arrays of one length")
    ((count,),) = lengths
    whole = count - count % size
    parts = []
    if whole:
        blocks = tree.map(lambda x: np.reshape(x[:whole], (whole // size, size, *x.shape[1:])), xs)
        done = scan(lambda _, block: ((), vmap(f)(block)), (), blocks)[1]
        parts.append(tree.map(lambda y: np.reshape(y, (whole, *y.shape[2:])), done))
    if whole < count or not count:
        parts.append(vmap(f)(tree.map(lambda x: x[whole:], xs)))
    return parts[0] if len(parts) == 1 else tree.map(lambda *ys: np.concatenate(ys), *parts)


# -- shared -----------------------------------------------------------------------------------------


def _scan(
    name: str, f: Callable[[Any, Any], Any], init: Any, xs: Any, length: int, reverse: bool,
    unroll: int | bool, checkpoint: Schedule = None,
) -> Any:
    kept = _schedule(name, checkpoint)
    together = length if unroll is True else as_int(unroll, "unroll")
    if together > 1 and length > 1:
        return _unrolled(name, f, init, xs, length, reverse, min(together, length), checkpoint)
    start, treedef, types = _carried(name, init)
    leaves, xs_tree = tree.flatten(xs)
    leaves = [stacked(leaf) for leaf in leaves]
    elements = [_element(leaf_type(leaf)) for leaf in leaves]
    made = record_body(_paired(name, f), f"the body of {name}", [treedef, xs_tree], [*types, *elements],
                       values=[*start, *leaves])
    carried, left = _halves(made, treedef, types, name)
    body = _steady(name, made, treedef, types)
    count = len(types)
    consts = len(body.captured)
    outs: Sequence[Any] = ()
    program = _captures_first(body, count + len(leaves))
    if not body.types and any(map(has_effects, program.equations)):
        program = witnessed(program)
    if program.outputs:
        outs = bind(scan_primitive, [*body.captured, *start, *leaves], Params(
            body=program, consts=consts, carry=count, length=length, reverse=reverse, checkpoint=kept))
    del carried
    return tree.unflatten(treedef, outs[:count]), tree.unflatten(left, outs[count : len(body.types)])


def _unrolled(
    name: str, f: Callable[[Any, Any], Any], init: Any, xs: Any, length: int, reverse: bool, together: int,
    checkpoint: Schedule,
) -> Any:
    """The scan with `together` steps in one, and what is left over after (or before) it."""
    order = range(together - 1, -1, -1) if reverse else range(together)

    def several(carry: Any, block: Any) -> Any:
        ys: list[Any] = [None] * together
        for k in order:
            carry, ys[k] = _pair(name, f, carry, tree.map(lambda x, k=k: x[k], block))
        return carry, tree.map(lambda *y: np.stack(y), *ys)

    rest = length % together
    whole = length - rest
    low = rest if reverse else 0
    parts: list[Any] = []
    carry = init
    ends = slice(0, rest) if reverse else slice(whole, length)
    blocks = tree.map(lambda x: np.reshape(x[low : low + whole],
                                           (whole // together, together, *x.shape[1:])), xs)
    carry, ys = _scan(name, several, carry, blocks, whole // together, reverse, 1, checkpoint)
    parts.append(tree.map(lambda y: np.reshape(y, (whole, *y.shape[2:])), ys))
    if rest:
        carry, ys = _scan(name, f, carry, tree.map(lambda x: x[ends], xs), rest, reverse, 1, checkpoint)
        parts.insert(0 if reverse else 1, ys)
    return carry, parts[0] if len(parts) == 1 else tree.map(lambda *y: np.concatenate(y), *parts)


def _pair(name: str, f: Callable[[Any, Any], Any], carry: Any, x: Any) -> tuple[Any, Any]:
    made = f(carry, x)
    if not isinstance(made, tuple) or len(made) != 2:
        raise mismatch(f"{name}: the body returns a pair (carry, output), and this one returned"
                       f" {type(made).__name__}.", "return carry, None  where there is no output")
    return made


def _paired(name: str, f: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def body(carry: Any, x: Any) -> Any:
        return _pair(name, f, carry, x)

    body.__name__ = getattr(f, "__name__", type(f).__name__)
    return body


def _carried(name: str, init: Any) -> tuple[list[Any], Any, list[ArrayType]]:
    leaves, treedef = tree.flatten(init)
    leaves = [array_leaf(leaf, f"the initial value of {name}") for leaf in leaves]
    types = strong_types(leaves)
    start = []
    for leaf, type in zip(leaves, types, strict=True):
        if isinstance(leaf, Tracer):
            start.append(convert_to(leaf, type.dtype))
        else:
            start.append(leaf if type.shape else type.dtype.type(leaf))
    return start, treedef, types


def _element(type: ArrayType) -> ArrayType:
    return ArrayType(type.shape[1:], type.dtype)


def _halves(body: Body, treedef: Any, types: Sequence[ArrayType], name: str) -> tuple[Any, Any]:
    """The trees of the carry and of the output, of a body that gives a pair."""
    carried, left = tree.unflatten(body.out.treedef, range(len(body.types)))
    made = tree.structure(carried)
    if made != treedef:
        raise _drift(TreeMismatch, name, treedef, types, made, body.types[: made.num_leaves])
    return made, tree.structure(left)


def _steady(name: str, body: Body, treedef: Any, types: Sequence[ArrayType]) -> Body:
    """The body with a carry of the types that it takes; Python numbers are converted.

    Raises TypeMismatch or TreeMismatch when it changes what it carries.
    """
    if name == "while_loop" and body.out.treedef != treedef:
        raise _drift(TreeMismatch, name, treedef, types, body.out.treedef, body.types)
    outs = body.program.out_types[: len(types)]
    if [t.strong for t in outs] == list(types):
        return body
    fits = [o.strong is t or (o.weak and o.shape == t.shape and np.can_cast(o.dtype, t.dtype, "same_kind"))
            for o, t in zip(outs, types, strict=True)]
    if not all(fits):
        raise _drift(TypeMismatch, name, treedef, types, treedef, [o.strong for o in outs])
    return body.converted(types)


def _drift(
    kind: type[Exception], name: str, before: Any, types: Sequence[ArrayType], after: Any,
    out_types: Sequence[ArrayType],
) -> Exception:
    return kind(explain(
        f"{name}: what is carried from step to step must keep its structure, shapes and dtypes.\n"
        f"  at the start:    {describe_types(before, types)}\n"
        f"  after one step:  {describe_types(after, out_types)}",
        source=Source.here(),
        fix="an initial value of the type that the body returns, e.g. 0.0 instead of 0, or"
        " np.zeros(n); or convert in the body, e.g. x.astype(int)"))


def _captures_first(body: Body, count: int) -> Any:
    """The Program of a body with what it took from outside in front of its arguments."""
    program = body.program
    return type(program)([*program.inputs[count:], *program.inputs[:count]], program.equations,
                         program.outputs)


def _bound(value: Any, what: str) -> Any:
    value = stacked(value)
    if not is_array(value) or leaf_type(value).shape or leaf_type(value).dtype.kind not in "iu":
        shown = leaf_type(value).strong if is_array(value) else f"{type(value).__name__} {value!r:.40}"
        raise mismatch(f"fori_loop: {what} is {shown}, and has to be one integer.", f"{what}=int({what})")
    return value


def as_int(value: Any, what: str) -> int:
    """A Python int, from one that is not traced."""
    if isinstance(value, Tracer):
        raise mismatch(f"{what} is traced, and decides how much is written out.", f"{what} as a Python int")
    try:
        return operator.index(value)
    except TypeError:
        raise mismatch(f"{what} is {type(value).__name__} {value!r:.40}, and has to be an int.",
                       f"{what}=10") from None


def _schedule(name: str, checkpoint: Any) -> Schedule:
    if checkpoint is None or (isinstance(checkpoint, str) and checkpoint in ("sqrt", "binomial")):
        return checkpoint
    if isinstance(checkpoint, (int, np.integer)) and not isinstance(checkpoint, bool) and checkpoint > 0:
        return int(checkpoint)
    raise mismatch(f"{name}: checkpoint={checkpoint!r}.",
                   'a number of segments, "sqrt", "binomial", or None to keep what each step needs')
