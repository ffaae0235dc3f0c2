"""How NumPy calls on traced values reach fxad: the ufunc and function protocols.

`np.sin(t)` arrives in `__array_ufunc__`, `np.mean(t)` in `__array_function__`. Both look up what the NumPy
function is here: `implements` says so beside each definition.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import numpy as np

from fxad.errors import ConcretizationError, TypeMismatch, explain
from fxad.ir.primitive import PRIMITIVES
from fxad.ir.program import EMPTY
from fxad.numpy.output import store
from fxad.numpy.untraced import UNTRACED
from fxad.primitives.families import Elementwise
from fxad.source import Source, called_of_scipy
from fxad.tracing import NUMBER_TYPES, Own, Trace, Tracer, attach, own

__all__ = ["FUNCTIONS", "REDUCTIONS", "UFUNCS", "VIEWS", "has_tracer", "implements", "refusing", "separate"]

F = TypeVar("F", bound=Callable[..., Any])

#: What each NumPy function is on traced values.
FUNCTIONS: dict[Any, Callable[..., Any]] = {}
#: The functions that may give views of their arguments, or an argument itself.
VIEWS: set[Any] = set()
#: Which positional argument `out` is.
OUT_POSITIONS: dict[Any, int] = {}
#: What each ufunc is on traced values: a primitive, or a function that composes some.
UFUNCS: dict[np.ufunc, Callable[..., Any]] = {
    p.ufunc: p
    for p in PRIMITIVES.values()
    # These two have no ufunc of their own.
    if isinstance(p, Elementwise) and p.name not in ("where", "complex")
}
#: Where the traced forms of other packages' functions are: loaded when one of these is called.
_ELSEWHERE = {"scipy.special": "fxad.scipy.special", "scipy.linalg": "fxad.scipy.linalg"}
#: `ufunc.reduce` and `ufunc.accumulate` as functions of (array, axis, ...).
REDUCTIONS: dict[tuple[np.ufunc, str], Callable[..., Any]] = {}


def has_tracer(values: Iterable[Any]) -> bool:
    """Whether a traced value is among `values`, or in a list, tuple or object array among them."""
    for value in values:
        if value.__class__ is Tracer:
            return True
        if isinstance(value, (list, tuple)):
            if has_tracer(value):
                return True
        elif isinstance(value, np.ndarray) and value.dtype == object and has_tracer(value.flat):
            return True
    return False


def implements(*functions: Any, views: bool = False) -> Callable[[F], F]:
    """Say that the function below is what these NumPy functions do on traced values.

    The name stands for both: called on arrays alone it is NumPy's own function.

    Args:
        functions: NumPy's.
        views: whether the result may share memory with an argument. What it shares is said by the function
            itself; all others give arrays of their own.
    """

    def decorate(implementation: F) -> F:
        numpy_function = functions[0]
        for function in functions:
            FUNCTIONS[function] = implementation
            if views:
                VIEWS.add(function)
            code = implementation.__code__
            if "out" in code.co_varnames[: code.co_argcount]:
                OUT_POSITIONS[function] = code.co_varnames.index("out")

        @functools.wraps(implementation)
        def either(*args: Any, **kwargs: Any) -> Any:
            if has_tracer(args) or (kwargs and has_tracer(kwargs.values())):
                if "out" in kwargs or numpy_function in OUT_POSITIONS:
                    out, args, kwargs = _without_out(numpy_function, args, kwargs)
                    if out is not None:
                        return store(out, lambda: either(*args, **kwargs), numpy_function.__name__)
                made = implementation(*args, **kwargs)
                return made if views else separate(made, args)
            return numpy_function(*args, **kwargs)

        either.__name__ = either.__qualname__ = numpy_function.__name__
        either.__doc__ = (
            f"As `numpy.{numpy_function.__name__}`, on arrays and traced values alike."
            + (f"\n\n{implementation.__doc__}" if implementation.__doc__ else "")
        )
        return either  # type: ignore[return-value]

    return decorate


def _without_out(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any, Any]:
    """The argument `out`, and the others."""
    at = OUT_POSITIONS.get(function)
    if at is not None and len(args) > at:
        return args[at], (*args[:at], None, *args[at + 1 :]), kwargs
    if "out" in kwargs:
        return kwargs["out"], args, {k: v for k, v in kwargs.items() if k != "out"}
    return None, args, kwargs


def separate(made: Any, args: Iterable[Any]) -> Any:
    """The result of a function that gives no views: with handles of its own, also where it is an argument."""
    if made.__class__ is Tracer:
        viewed = getattr(made, "viewed", None)
        if viewed.__class__ is Own:
            return made
        if viewed is not None or (made.type.shape and any(v is made for v in args)):
            return own(made, "K") if made.type.shape else Tracer(made.owner, made.index, made.type)
    elif made.__class__ is tuple or made.__class__ is list:
        return made.__class__([separate(m, args) for m in made])
    return made


def refusing(function: F) -> F:
    """A NumPy function that takes no traced value, as it is on arrays, and refused on traced ones."""

    @functools.wraps(function)
    def plain(*args: Any, **kwargs: Any) -> Any:
        if has_tracer(args) or has_tracer(kwargs.values()):
            raise _unknown(f"np.{function.__name__}")
        return function(*args, **kwargs)

    return plain  # type: ignore[return-value]


def array_ufunc(self: Tracer, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """NumPy's protocol for ufuncs. The first lines are the path that nearly all calls take."""
    if not kwargs and method == "__call__":
        function: Any = UFUNCS.get(ufunc)
        if function.__class__ is Elementwise:
            straight = function.straight
            if len(inputs) == 1:
                key: Any = self.type
                out = straight[key]
                if out is not None:
                    # What NumPy's functions make of a Python number is NumPy's, and not weak.
                    out = out.strong if out.weak else out
                    return self.owner.record(function, (self.index,), EMPTY, out)
            else:
                a, b = inputs
                first, second = a.__class__, b.__class__
                if first is Tracer:
                    trace = a.owner
                    if second is Tracer:
                        key = (a.type, b.type) if b.owner is trace else None
                    else:
                        key = (a.type, second) if second in NUMBER_TYPES else None
                else:
                    trace = self.owner
                    key = (first, b.type) if first in NUMBER_TYPES and second is Tracer else None
                if key is not None:
                    out = straight[key]
                    if out is not None:
                        out = out.strong if out.weak else out
                        left = a.index if first is Tracer else trace.number(a)
                        right = b.index if second is Tracer else trace.number(b)
                        return trace.record(function, (left, right), EMPTY, out)
    return _unusual(ufunc, method, inputs, kwargs)


def _unusual(ufunc: np.ufunc, method: str, inputs: Any, kwargs: dict[str, Any]) -> Any:
    """A call of a ufunc with keywords, by a method, on lists, or on operands that need preparation."""
    outs = kwargs.get("out")
    if outs is not None and any(o is not None for o in outs):
        del kwargs["out"]
        where, casting = kwargs.pop("where", True), kwargs.get("casting", "same_kind")
        traced = has_tracer(inputs)
        return store(
            outs if len(outs) > 1 else outs[0],
            lambda: _unusual(ufunc, method, inputs, kwargs) if traced else
            getattr(ufunc, method)(*inputs, **kwargs),
            ufunc.__name__, _package(ufunc) or "np", ufunc=ufunc, casting=casting, where=where)
    if method != "__call__":
        return _ufunc_method(ufunc, method, inputs, kwargs)
    function = _traced_form(ufunc)
    if function is None:
        raise _unknown(called_of_scipy() or _name(ufunc))
    where = kwargs.pop("where", True)
    if where is not True:
        raise TypeMismatch(
            explain(
                f"{_name(ufunc)}(..., where=mask) leaves elements undefined, so it can't be traced.",
                source=Source.here(),
                fix=f"np.where(mask, {_name(ufunc)}(...), other)",
            )
        )
    asked = {name: kwargs.pop(name, None) for name in ("dtype", "signature", "sig", "casting")}
    for name in ("order", "subok", "out"):
        kwargs.pop(name, None)
    if kwargs and ufunc.signature is None:
        raise TypeError(f"{ufunc.__name__}() got an unexpected keyword argument '{next(iter(kwargs))}'")
    values = [_operand(v) for v in inputs]
    if any(v is not None for v in asked.values()):
        values = _cast(ufunc, values, **asked)
    return separate(function(*values, **kwargs), values)


def _traced_form(ufunc: np.ufunc) -> Any:
    """What a ufunc is on traced values, or None."""
    function = UFUNCS.get(ufunc)
    package = _package(ufunc) if function is None else None
    if package is not None:
        forms = getattr(importlib.import_module(_ELSEWHERE[package]), "UFUNCS", {})
        function = forms.get(ufunc.__name__)
        if function is not None:
            UFUNCS[ufunc] = function
    return function


def _package(ufunc: np.ufunc) -> str | None:
    """The module of another package that a ufunc belongs to, or None."""
    owners = (m for m in _ELSEWHERE if getattr(sys.modules.get(m), ufunc.__name__, None) is ufunc)
    return next(owners, None)


def _name(ufunc: np.ufunc) -> str:
    return f"{_package(ufunc) or 'np'}.{ufunc.__name__}"


def _cast(ufunc: np.ufunc, values: list[Any], dtype: Any, signature: Any, sig: Any,
          casting: Any) -> list[Any]:
    """The operands in the dtypes of the loop that was asked for; raises NumPy's errors if there is none."""
    signature = sig if signature is None else signature
    if isinstance(signature, str):
        signature = signature.replace("->", "")
        signature = signature if len(signature) == ufunc.nargs else (*[None] * ufunc.nin, signature)
    if dtype is not None:
        signature = (*[None] * ufunc.nin, *[dtype] * ufunc.nout)
    if signature is not None:
        signature = tuple([None if d is None else np.dtype(d) for d in signature])
    given = [type(v) if v.__class__ in (int, float, complex) else
             v.dtype if isinstance(v, Tracer) else np.asarray(v).dtype for v in values]
    wanted = {} if signature is None else {"signature": signature}
    resolved = ufunc.resolve_dtypes((*given, *[None] * ufunc.nout), casting=casting or "same_kind", **wanted)
    made = []
    for v, kind, target in zip(values, given, resolved, strict=False):
        if isinstance(v, Tracer):
            made.append(v if kind == target else v.astype(target))
        elif isinstance(kind, type) and np.result_type(target, v) == target:
            made.append(v)  # a Python number takes the dtype of the others
        else:
            made.append(np.asarray(v).astype(target))
    return made


def _operand(value: Any) -> Any:
    if isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.dtype == object):
        return FUNCTIONS[np.asarray](value)
    return value


def _ufunc_method(ufunc: np.ufunc, method: str, inputs: Any, kwargs: dict[str, Any]) -> Any:
    if method == "outer":
        inputs = [_operand(v) for v in inputs]
        a, b = (np.ravel(v) for v in inputs)
        shape = (*np.shape(inputs[0]), *np.shape(inputs[1]))
        return np.reshape(ufunc(a[:, None], b[None, :], **kwargs), shape)
    function = REDUCTIONS.get((ufunc, method))
    if function is None:
        raise _unknown(f"{_name(ufunc)}.{method}")
    kwargs.pop("out", None)
    kwargs.setdefault("axis", 0)
    return function(*inputs, **kwargs)


def array_function(
    self: Tracer, func: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """NumPy's protocol for everything else."""
    function = FUNCTIONS.get(func)
    if function is not None and ("out" in kwargs or func in OUT_POSITIONS):
        out, args, kwargs = _without_out(func, args, kwargs)
        if out is not None:
            return store(out, lambda: (function if has_tracer(args) else func)(*args, **kwargs),
                         func.__name__)
    if function is None:
        module = getattr(func, "__module__", "numpy").replace("numpy", "np")
        raise _unknown(f"{module}.{func.__name__}")
    trace = self.owner
    if trace.source is not None:
        made = function(*args, **kwargs)
        return made if func in VIEWS else separate(made, args)
    # All that the function records was written where it was called.
    frame = sys._getframe(1)
    trace.source = (frame.f_code, frame.f_lasti)
    try:
        made = function(*args, **kwargs)
    finally:
        trace.source = None
    return made if func in VIEWS else separate(made, args)


def _unknown(name: str) -> ConcretizationError:
    if name.startswith("scipy."):
        return ConcretizationError(explain(f"{name} has no traced form.", source=Source.here(),
                                           fix=namesake(name)))
    why, fix = UNTRACED.get(name.removeprefix("np."), (
        "it would need the numbers themselves",
        "other NumPy functions (fxad.numpy lists those that can be traced), or"
        " fxad.value_of(x) where no derivative is needed",
    ))
    return ConcretizationError(
        explain(f"{name} has no traced form: {why}.", source=Source.here(), fix=fix))


def namesake(function: str) -> str:
    """What to write instead of a function of another package's that takes no traced values."""
    package, _, name = function.rpartition(".")
    forms = _ELSEWHERE.get(package)
    if forms is not None and hasattr(importlib.import_module(forms), name):
        return f"{forms}.{name}, which takes traced values"
    return ("NumPy's functions, those that fxad.scipy has, or fxad.pure_callback with a rule of your own"
            " (fxad.custom_jvp)")


Trace.namesake = staticmethod(namesake)
attach(__array_ufunc__=array_ufunc, __array_function__=array_function)


def stack_elements(value: np.ndarray[Any, Any]) -> Any:
    """An object array that `np.array([t, u])` made of tracers, as one traced array."""
    flat = list(value.flat)
    if not has_tracer(flat):
        return value
    return FUNCTIONS[np.reshape](FUNCTIONS[np.stack](flat), value.shape)


Trace.stack = staticmethod(stack_elements)
