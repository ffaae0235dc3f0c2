"""Which traced arrays share memory, and what an assignment to one of them is to the others.

A tracer is a handle on a variable of its trace, and no variable ever changes: an assignment makes a new
variable and binds the handle to it (`rebind`). What NumPy has in one block of memory is here a tree of
handles: an array, its live views, their views. A new value goes up the tree, written into each array that the
handle is a view of, and down it to all views that are still alive.

A handle says what it is by `viewed`:

- not set: the result of an operation, an array (or number) of its own; or an argument;
- `(array, step)`: a view, `step.read(array)`;
- `Own`: an array of its own where the operation does not say so: a copy, or an array of rank 0;
- `Maybe`: a view if the elements of another array lie in a certain order in memory, else a copy.

Only functions that make views know of this; for all other operations a handle is its variable.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fxad.errors import TypeMismatch, explain
from fxad.source import Source
from fxad.tracing.binding import current_trace
from fxad.tracing.element_order import (
    Own,
    certain_order,
    is_argument,
    known_layout,
    lies_as,
    stretched,
)
from fxad.tracing.layout import Layout, contiguous, disjoint, scattered
from fxad.tracing.trace import Trace

if TYPE_CHECKING:
    from fxad.tracing.tracer import Tracer

__all__ = ["Own", "Step", "adopt", "adopt_if_view", "check_writable", "forget_the_dead", "is_number",
           "own", "rebind", "shares_memory",
           "watch"]


class Step(Protocol):
    """How a view comes from its array."""

    @property
    def writable(self) -> bool:
        """Whether NumPy lets the view be written to."""

    def read(self, x: Any) -> Any:
        """The view's value, given the array's."""

    def write(self, x: Any, v: Any) -> Any:
        """The array's value `x` with `v` as the view's."""

    def move(self, layout: Layout) -> Layout | None:
        """Where the view lies, given where the array does; None where it is a copy."""


class Maybe:
    """`steps` from `root` make a view; where the elements lie otherwise a copy, in the order `copied`."""

    __slots__ = ("copied", "root", "steps")

    def __init__(self, root: Any, steps: tuple[Step, ...], copied: str) -> None:
        self.root = root
        self.steps = steps
        self.copied = copied


class _Chain:
    """Several steps as one."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = tuple(steps)
        self.writable = all(s.writable for s in steps)

    def read(self, x: Any) -> Any:
        for step in self.steps:
            x = step.read(x)
        return x

    def write(self, x: Any, v: Any) -> Any:
        inside = [x]
        for step in self.steps[:-1]:
            inside.append(step.read(inside[-1]))
        for step, array in zip(reversed(self.steps), reversed(inside), strict=True):
            v = step.write(array, v)
        return v

    def move(self, layout: Layout) -> Layout | None:
        found: Layout | None = layout
        for step in self.steps:
            found = None if found is None else step.move(found)
        return found


# -- making views ------------------------------------------------------------------------------------


def adopt(view: Tracer, array: Tracer, step: Step) -> None:
    """Make `view`, a handle of its own on `step.read(array)`, a view of `array`."""
    view.viewed = (array, step)
    try:
        views = array.views
    except AttributeError:
        views = array.views = []
    views.append(weakref.ref(view))
    if not len(views) % 32:
        forget_the_dead(views)


def forget_the_dead(views: list[Any]) -> None:
    """Take the weak references to views that are gone out of a list that has grown."""
    alive = [r for r in views if r() is not None]
    if 2 * len(alive) <= len(views):
        views[:] = alive


def adopt_if_view(view: Tracer, array: Tracer, *steps: Step, copied: str = "C") -> None:
    """As `adopt`, for steps that may be a copy for NumPy, in the order `copied`: decided when it matters."""
    root, before = _path(array)
    every = (*before, *steps)
    order = certain_order(root)
    key = (root.type.shape, order, every)
    is_view = _verdicts.get(key)
    if is_view is None:
        if len(_verdicts) > 65536:
            _verdicts.clear()
        base = scattered(root.type.shape) if order is None else contiguous(root.type.shape, order)
        is_view = _verdicts[key] = _moved(base, every) is not None
    if is_view:
        adopt(view, array, steps[0] if len(steps) == 1 else _Chain(steps))
    elif order is not None:
        view.viewed = Own(order=copied)
    else:
        adopt(view, root, steps[0])
        if copied == "F":
            lies_as(view, None)
        # An argument is alive for as long as the caller has it.
        view.viewed = Maybe((lambda: root) if is_argument(root) else weakref.ref(root), every, copied)


#: Whether steps from an array of a shape are a view, if it lies in an order ("C", "F") or in any (None).
_verdicts: dict[tuple[tuple[int, ...], str | None, tuple[Step, ...]], bool] = {}


def own(x: Any, order: str = "C") -> Any:
    """A handle of its own on the value of `x`: what NumPy calls a copy.

    Its elements lie in the `order` "C" or "F", and with any other as those of `x` do.
    """
    calling = current_trace()
    if calling is not None and calling.serial > x.owner.serial:
        made: Tracer = calling.handle(calling.operand(x))  # the copy is of the function that makes it
    else:
        made = Trace.tracer_type(x.owner, x.index, x.type)
    made.viewed = Own(order=order) if order in ("C", "F") else Own((x.owner, x.index))
    if order == "F" or (order != "C" and stretched(x.owner, x.index)):
        lies_as(made, None)
    return made


def _moved(layout: Layout, steps: Sequence[Step]) -> Layout | None:
    return _Chain(steps).move(layout)


def _path(x: Tracer) -> tuple[Tracer, list[Step]]:
    """The array that a handle is a view of in the end, and the steps from there."""
    steps: list[Step] = []
    viewed = getattr(x, "viewed", None)
    while viewed.__class__ is tuple:
        x, step = viewed
        steps.append(step)
        viewed = getattr(x, "viewed", None)
    return x, steps[::-1]


def is_number(x: Tracer) -> bool:
    """Whether NumPy would have a scalar here, which can't be written to, and not an array of rank 0."""
    return not x.type.shape and getattr(x, "viewed", None) is None


# -- writing -----------------------------------------------------------------------------------------


def check_writable(x: Tracer, fix: str) -> None:
    """Raise unless NumPy would write to the array, and a trace can keep what that means.

    Raises:
        TypeMismatch: it is an argument, read-only, or an array of the function around.
        TracerLeak: its trace has ended.
    """
    trace = x.owner
    calling = current_trace()
    if calling is not trace:
        if trace.ended:
            raise trace.leak((x.index,))
        if calling is not None and calling.serial > trace.serial:
            raise _foreign(x, calling)
    if getattr(x, "viewed", None).__class__ is Own:
        return  # as all are that were written to before
    root, steps = _path(x)
    if not all(s.writable for s in steps):
        raise TypeMismatch(explain(
            "assignment destination is read-only: it is a view that NumPy does not write to either, as those"
            " of np.diagonal and np.broadcast_to.",
            source=Source.here(), origin=trace.origin(x.index), fix="y = y.copy(), and then the assignment"))
    if getattr(root, "viewed", None).__class__ is Maybe:
        _settle(root, fix)
        root, _ = _path(root)
    if is_number(root):
        raise TypeMismatch(explain(
            "one number is written to: NumPy's numbers are no arrays, and do not change.",
            source=Source.here(), origin=trace.origin(x.index), fix="x = v"))
    if is_argument(root):
        raise _of_the_caller(root, fix, "is written to" if root is x else "is written to, by a view of it")


def _of_the_caller(root: Tracer, fix: str, what: str) -> TypeMismatch:
    return TypeMismatch(explain(
        f"an argument of the function {what}: the array is the caller's, and would change there.",
        source=Source.here(), origin=root.owner.origin(root.index), fix=f"{fix}; or x = x.copy() first"))


def _foreign(x: Tracer, trace: Trace) -> TypeMismatch:
    return TypeMismatch(explain(
        f"an array of the function around is written to in a function under {trace.purpose}, which is"
        " recorded for as often as it is to run: the array would not have the value of any one run.",
        source=Source.here(), origin=x.owner.origin(x.index),
        fix="make the array inside of the function (np.zeros_like(t), t.copy()) and return it"))


def rebind(x: Tracer, new: Tracer) -> None:
    """Give an array a new value, after `check_writable`: to all that shares its memory as well."""
    trace = x.owner
    if new.owner is not trace:
        if new.owner.serial > trace.serial:
            raise _foreign(x, new.owner)
        new = trace.handle(trace.operand(new))
    viewed = getattr(x, "viewed", None)
    if viewed.__class__ is not tuple and not getattr(x, "views", None):
        if viewed is None:
            x.viewed = Own((trace, x.index))
        old = x.index
        x.index, x.type = new.index, new.type
        if old not in trace.records[new.index][1]:
            _keep_order(x)
        return
    root, steps = _path(x)
    _settle_views(root)
    root, steps = _path(x)
    values = [(x, new)]
    while (viewed := getattr(x, "viewed", None)).__class__ is tuple:
        x, step = viewed
        new = step.write(x, new)
        values.append((x, new))
    if viewed is None:
        root.viewed = Own((trace, root.index))
    else:
        _keep_order(root)
    changed = _moved(contiguous(root.type.shape), steps)
    for array, value in values:
        array.index, array.type = value.index, value.type
    done = {id(array) for array, _ in values}
    for array, _ in values:
        for view in _live(array):
            if id(view) not in done:
                _read_again(view, changed)


def _keep_order(x: Tracer) -> None:
    """Note that an array lies in memory as before, after an assignment to all of it."""
    viewed: Any = x.viewed
    if viewed.like is not None or viewed.order == "F":
        lies_as(x, viewed.like)


def _read_again(view: Tracer, changed: Layout | None) -> None:
    """Take over the new value of the array that it is a view of, if it has a part in what changed."""
    stack = [view]
    while stack:
        view = stack.pop()
        viewed: Any = view.viewed
        if viewed.__class__ is not tuple:
            continue
        array, step = viewed
        if changed is not None:
            root, steps = _path(view)
            place = _moved(contiguous(root.type.shape), steps)
            if place is not None and disjoint(place, changed):
                continue
        view.index = step.read(array).index
        stack.extend(_live(view))


def shares_memory(x: Tracer) -> bool:
    """Whether an array is a view, or has views."""
    return getattr(x, "viewed", None).__class__ is tuple or next(_live(x), None) is not None


def watch(x: Tracer, array: np.ndarray[Any, Any]) -> None:
    """Remember a plain array that NumPy would have in the memory of `x`: `np.asarray(x)`."""
    try:
        views = x.views
    except AttributeError:
        views = x.views = []
    views.append(weakref.ref(array))  # type: ignore[arg-type]


def _live(x: Tracer) -> Iterator[Tracer]:
    for r in tuple(getattr(x, "views", ())):
        view = r()
        if view.__class__ is Trace.tracer_type:
            yield view


def _check_watched(x: Tracer) -> None:
    if any(isinstance(r(), np.ndarray) for r in getattr(x, "views", ())):
        raise TypeMismatch(explain(
            "an array is written to of which np.asarray has made a plain one: it would have to change, too.",
            source=Source.here(), origin=x.owner.origin(x.index),
            fix="np.array(x), a copy, for np.asarray(x)"))


def _settle_views(root: Tracer) -> None:
    """Decide of all that may be views of an array, or of its views."""
    stack = [root]
    while stack:
        array = stack.pop()
        _check_watched(array)
        for view in _live(array):
            if view.viewed.__class__ is Maybe:
                _settle(view)
            if view.viewed.__class__ is tuple:
                stack.append(view)


def _settle(x: Tracer, fix: str = "y = x.copy()") -> None:
    """Decide whether a handle is a view."""
    maybe: Any = x.viewed
    found = maybe.root()
    if found is None:
        x.viewed = Own(order=maybe.copied)  # nobody else has the array that it may be a view of
        return
    root, before = _path(found)
    if getattr(root, "viewed", None).__class__ is Maybe:
        _settle(root)
        root, before = _path(found)
    steps = (*before, *maybe.steps)
    layout = known_layout(root)
    if layout is None:
        if is_argument(root):
            raise _of_the_caller(root, fix, "may be written to, by what may be a view of it")
        raise TypeMismatch(explain(
            "whether this writes into one array or into two depends on how the elements of the first lie in"
            " memory, which is not known here: of an array in C order NumPy's reshape and ravel give a view,"
            " of a transposed one a copy.",
            source=Source.here(), origin=x.owner.origin(x.index),
            fix="y = x.reshape(shape).copy() for an array of its own, or assign to x itself by x[i] = v"))
    if _moved(layout, steps) is None:
        x.viewed = Own(order=maybe.copied)
    else:
        x.viewed = (found, _Chain(maybe.steps))
