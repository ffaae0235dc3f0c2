"""`vmap`: a function of one element, applied to a whole batch at once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from fxad import tree
from fxad.api.arguments import check_callable
from fxad.api.recording import Inputs, function_name, is_array, leaf_type, record
from fxad.errors import FxadError, TypeMismatch, explain
from fxad.execute import Executable, executables
from fxad.ir.types import ArrayType
from fxad.source import Source
from fxad.tracing import Kind
from fxad.transforms import batch

__all__ = ["vmap"]


def vmap(
    fun: Callable[..., Any],
    in_axes: Any = 0,
    out_axes: Any = 0,
    axis_size: int | None = None,
) -> Callable[..., Any]:
    """A function that applies `fun` to every element of a batch, in whole-array operations.

    Args:
        fun: a function of one element.
        in_axes: which axis of each argument is the batch's: an int (also negative), None for an argument
            that all elements share, or a tuple with an entry (or pytree prefix) an argument. Keyword
            arguments are batched along axis 0.
        out_axes: where the batch axis of each output goes: an int, None for an output that is the same
            for all elements, or a pytree prefix of them.
        axis_size: the size of the batch; needed only when no argument has a batch axis.

    Raises:
        TypeMismatch: `in_axes` does not fit the arguments, or they have batches of different sizes.
        ConcretizationError: Python has to decide on a value inside `fun`: each element has its own.

    >>> import numpy as np, fxad
    >>> fxad.vmap(np.dot, in_axes=(0, None))(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 1.0]))
    array([3., 7.])
    """
    check_callable(fun, "vmap")
    if isinstance(in_axes, list):
        in_axes = tuple(in_axes)

    @functools.wraps(fun, updated=())
    def batched(*args: Any, **kwargs: Any) -> Any:
        axes_tree = in_axes
        if isinstance(in_axes, tuple) and len(in_axes) != len(args):
            raise _error(
                f"vmap: in_axes has {len(in_axes)} entries, and {function_name(fun)} was called with"
                f" {len(args)} positional arguments.",
                "one entry an argument, or a single int for all",
            )
        axes = _axes("in_axes", axes_tree, args) + [0] * len(tree.leaves(kwargs))
        inputs = Inputs([args, kwargs], ["args", "kwargs"])
        size = _size(inputs, axes, axis_size)
        types = []
        for i, (leaf, axis) in enumerate(zip(inputs.leaves, axes, strict=True)):
            if axis is not None and is_array(leaf):
                inputs.traced.append(i)
                types.append(_element(leaf_type(leaf), axis))

        def call(values: list[Any]) -> Any:
            return fun(*values[0], **values[1])

        rec = record(fun, "vmap", inputs, call, kind=Kind.BATCH, types=types)
        trace = rec.trace
        try:
            operands = rec.operands
            dims_out = _out_axes(out_axes, rec.out, [trace.type_of(o) for o in operands])
            dims_in = [axes[i] for i in inputs.traced]
            key = ("vmap", size, tuple(dims_in), tuple(dims_out), trace.fingerprint(operands))
            entry = executables.get(key)
            if entry is None:
                program = trace.program(operands)
                all_in = dims_in + [None] * (len(program.inputs) - len(dims_in))
                try:
                    made = batch(program, size, all_in, dims_out)
                except FxadError:
                    raise
                except ValueError as error:
                    raise _error(
                        f"vmap of {function_name(fun)}: {error}.", "out_axes=0, or another axis"
                    ) from None
                entry = executables.put(key, Executable(made))
            results = entry(*rec.values)
        except Exception as error:
            rec.locate(error)
            raise
        finally:
            trace.end()
        return rec.out.rebuild(results)

    return batched


def _error(what: str, fix: str) -> TypeMismatch:
    return TypeMismatch(explain(what, source=Source.here(), fix=fix))


def _axes(name: str, axes: Any, full: Any) -> list[int | None]:
    """One axis a leaf, from a pytree prefix."""
    try:
        found = tree.broadcast_prefix(axes, full)
    except ValueError as error:
        raise _error(f"vmap: {name} does not fit: {error}",
                     f"an int, None, or a tree of them shaped like the arguments for {name}") from None
    for axis in found:
        if axis is not None and (isinstance(axis, bool) or not isinstance(axis, (int, np.integer))):
            raise _error(f"vmap: {name} holds {axis!r}, which is neither an int nor None.",
                         f"{name}=0")
    return found


def _size(inputs: Inputs, axes: list[int | None], given: int | None) -> int:
    sizes: dict[int, str] = {}
    for leaf, axis in zip(inputs.leaves, axes, strict=True):
        if axis is None or not is_array(leaf):
            continue
        shape = leaf_type(leaf).shape
        if not -len(shape) <= axis < len(shape):
            raise _error(
                f"vmap: axis {axis} of an argument of shape {shape}, which has {len(shape)} axes.",
                "in_axes=None for what all elements share, e.g. in_axes=(0, None)",
            )
        sizes.setdefault(shape[axis], f"{shape} along axis {axis}")
    if given is not None:
        sizes.setdefault(given, f"axis_size={given}")
    if len(sizes) > 1:
        listed = ", ".join(f"{n} ({what})" for n, what in sizes.items())
        raise _error(f"vmap: the batched arguments have different sizes: {listed}.",
                     "arguments of one batch size, and None in in_axes for the others")
    if not sizes:
        raise _error("vmap: no argument has a batch axis.", "an int in in_axes, or axis_size=n")
    return next(iter(sizes))


def _element(type: ArrayType, axis: int) -> ArrayType:
    position = axis % type.ndim
    return ArrayType(type.shape[:position] + type.shape[position + 1 :], type.dtype)


def _out_axes(axes: Any, out: Any, types: list[ArrayType]) -> list[int | None]:
    full = out.treedef.unflatten([0] * len(types))
    found = _axes("out_axes", axes, full)
    for axis, type in zip(found, types, strict=True):
        if axis is not None and not -type.ndim - 1 <= axis <= type.ndim:
            raise _error(f"vmap: out_axes={axis} for an output of {type.ndim} axes.", "out_axes=0")
    return found
