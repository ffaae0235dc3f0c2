"""When Python asks for a value: `if t:`, `range(n)`, `fxad.value_of(t)`.

While a function is differentiated its inputs have values, so the value is computed and tracing goes on along
the path taken. Under jit a decision is computed in the same way and noted as a *guard*: the Program holds
for calls that answer alike. A decision inside a derivative inside jit is a guard of the jit: what it
depends on is recorded there (*lifted*), and decided there.

An effect that a value depends on happens when the value is asked for, after all effects before it, and does
not happen again: in what is derived from the trace its results are captures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fxad.errors import ConcretizationError, explain
from fxad.ir.analysis import does_more, silent
from fxad.ir.primitive import Unknown
from fxad.ir.program import EMPTY, Literal, Params, numpy_literals
from fxad.source import Source, user_frame
from fxad.tracing.binding import bind, bind_in, innermost
from fxad.tracing.segments import dependencies
from fxad.tracing.trace import (
    CAPTURE,
    INPUT,
    NEXT_OUTPUT,
    NUMBER_TYPES,
    Guard,
    Kind,
    Raised,
    Trace,
)

if TYPE_CHECKING:
    from fxad.tracing.tracer import Tracer

__all__ = ["answer_of", "computed", "concrete_value", "decision", "is_constant", "settle"]


def concrete_value(tracer: Tracer, asked: str, fix: str) -> Any:
    """The value of a traced array, where there is one.

    `asked` says what needs the value, and `fix` what to write where there is none.

    Raises:
        ConcretizationError: there is no single value (vmap), or it would be baked into a Program (jit).
    """
    trace = tracer.owner
    if trace.ended:
        raise trace.leak((tracer.index,))
    if trace.kind is not Kind.CONCRETE and not is_constant(tracer):
        raise trace.no_value(tracer.index, asked, fix)
    if _belongs_around(trace, tracer.index):
        lifted = _lift(trace, tracer.index)
        return concrete_value(lifted, asked, fix) if lifted.__class__ is Trace.tracer_type else lifted
    return _evaluate(trace, tracer.index, asked, fix)


def decision(tracer: Tracer, decide: Callable[[Any], Any], asked: str, fix: str) -> Any:
    """What Python decides on a traced array: `decide(value)`, a guard under jit.

    Raises as `concrete_value` does, except under jit.
    """
    trace, index = tracer.owner, tracer.index
    if trace.ended:
        raise trace.leak((index,))
    if trace.kind is Kind.JIT and is_constant(tracer):
        return decide(_evaluate(trace, index, asked, fix))
    if trace.kind in (Kind.CONCRETE, Kind.JIT) and (
        _inside_guarded(trace) or _belongs_around(trace, index)
    ):
        lifted = _lift(trace, index)
        if lifted.__class__ is Trace.tracer_type:
            return decision(lifted, decide, asked, fix)
        return decide(lifted)
    if trace.kind is not Kind.JIT:
        return decide(concrete_value(tracer, asked, fix))
    value = _evaluate(trace, index, asked, fix)
    answer = answer_of(decide, value)
    frame = user_frame()
    source = None if frame is None else (frame.f_code, frame.f_lasti)
    trace.guards.append(Guard(index, decide, answer, len(trace.records), source))
    return decide(value) if answer.__class__ is Raised else answer


def is_constant(tracer: Tracer) -> bool:
    """Whether a traced array depends on no argument: `np.zeros_like(x)` has a value wherever it is made."""
    trace = tracer.owner
    if trace.ended:
        return False
    varies = trace.varies
    for number in range(len(varies), tracer.index + 1):
        varies.append(_varies(trace, number))
    return not varies[tracer.index]


def _varies(trace: Trace, number: int) -> bool:
    """Whether a variable may be another in the next call, given which of those before it may."""
    primitive, operands, params, _ = trace.records[number]
    if primitive is INPUT:
        return True
    if primitive is CAPTURE:
        captured = trace.captures[number].__class__
        return captured is Trace.tracer_type or captured in NUMBER_TYPES
    if primitive is NEXT_OUTPUT:
        return bool(trace.varies[number - operands[0]])
    if primitive.multiple and does_more(primitive, params):
        return True
    return any(trace.varies[o] for o in operands if o.__class__ is int)


def answer_of(decide: Callable[[Any], Any], value: Any) -> Any:
    """The answer of a decision: what it gives, or what it raises."""
    try:
        return decide(value)
    except (ValueError, ArithmeticError) as error:
        return Raised(type(error), str(error))


def _inside_guarded(trace: Trace) -> bool:
    """Whether values from outside belong to a trace of kind JIT, however far out."""
    outside = (*(trace.in_values or ()), *trace.captures.values())
    return any(
        v.owner.kind is Kind.JIT or (v.owner.kind is Kind.CONCRETE and _inside_guarded(v.owner))
        for v in outside
        if v.__class__ is Trace.tracer_type
    )


def _belongs_around(trace: Trace, index: int) -> bool:
    """Whether a variable depends on an effect that is to happen when the function around runs."""
    around = trace.around
    if trace.kind is not Kind.CONCRETE or around is None or around.ended or not trace.effects:
        return False
    needed = dependencies(trace.records, [index], trace.lifted)[1]
    return any(effect in needed for effect in trace.effects)


def _evaluate(trace: Trace, index: int, asked: str, fix: str) -> Any:
    """Compute what a variable depends on, each operation once."""

    def outer(value: Any) -> Any:
        if value.__class__ is Trace.tracer_type:
            return concrete_value(value, asked, fix)
        return _known(trace, value)

    _recall(trace)
    return _ordered(trace, index, trace.known, outer, lambda n, operands: _run(trace, n, operands))


def computed(trace: Trace, index: int) -> Any:
    """What is known of the value of a variable of a trace of kind JIT, or None."""
    _recall(trace)
    if trace.records[index][0] is INPUT:
        assert trace.in_values is not None
        return trace.in_values[index]
    return trace.captures[index] if index in trace.captures else trace.known.get(index)


def settle(trace: Trace) -> None:
    """Leave all effects that have taken place out of what is derived from the trace."""
    for effect in [e for e in trace.effects if e in trace.known]:
        _happened(trace, effect, trace.known)


def _recall(trace: Trace) -> None:
    """Take over what this call has computed before, as far as the trace goes the same way."""
    while trace.foreseen and len(trace.records) >= trace.foreseen[0].upto:
        step = trace.foreseen.pop(0)
        if tuple(trace.records[step.upto - len(step.records) : step.upto]) != step.records:
            trace.foreseen.clear()
            return
        trace.known.update(step.values)


def _ordered(
    trace: Trace,
    index: int,
    known: dict[int, Any],
    outer: Callable[[Any], Any],
    compute: Callable[[int, list[Any]], Any],
) -> Any:
    """`_walk`, with the effects that come before those it depends on, each once."""
    pending = [e for e in trace.effects if e not in known]
    if pending and index not in known:
        needed = set(dependencies(trace.records, [index], known)[1])
        last = max((e for e in pending if e in needed), default=-1)
        for effect in pending:
            if effect <= last:
                _walk(trace, effect, known, outer, compute)
                if trace.kind is not Kind.JIT:
                    _happened(trace, effect, known)
    return _walk(trace, index, known, outer, compute)


def _happened(trace: Trace, effect: int, known: dict[int, Any]) -> None:
    """Leave an effect out of what is derived from a trace: it has taken place."""
    primitive, operands, params, type = trace.records[effect]
    trace.effects.remove(effect)
    if primitive.structured:
        trace.records[effect] = (primitive, operands, _silent(trace, effect, params), type)
        return
    count = 1
    while effect + count < len(trace.records) and trace.records[effect + count][0] is NEXT_OUTPUT:
        count += 1
    for number in range(effect, effect + count):
        trace.records[number] = (CAPTURE, (), EMPTY, trace.records[number][3])
        trace.captures[number] = known[number]
    # A Program's inputs are in the order of their numbers.
    trace.captures = dict(sorted(trace.captures.items()))


def _silent(trace: Trace, effect: int, params: Params) -> Params:
    """The params of a loop or a branch without its effects."""
    found = silent(params)
    if found is None:
        raise ConcretizationError(explain(
            "Python decides on the value of a loop or branch that computes with the result of an"
            " io_callback: for"
            " the derivative it would have to be called again.",
            source=Source.here(), origin=trace.origin(effect),
            fix="fxad.lax.cond or np.where for the decision, or the io_callback outside of the loop"))
    return found


def _run(trace: Trace, number: int, operands: list[Any]) -> Any:
    """Operation `number` on concrete operands."""
    primitive, given, params, _ = trace.records[number]
    types = tuple(map(trace.type_of, given))
    if all(o.__class__ is Literal for o in given):
        operands = [a.value for a in numpy_literals(given)]
    else:  # Python's numbers raise where NumPy's give inf
        operands = [
            t.dtype.type(v) if t.weak and o.__class__ is int else v
            for v, t, o in zip(operands, types, given, strict=True)
        ]
    return primitive.evaluator(types, params)(*operands)


def _lift(trace: Trace, index: int) -> Any:
    """A variable as the traces outside have it: recorded there, or concrete."""

    def compute(number: int, operands: list[Any]) -> Any:
        primitive, _, params, _ = trace.records[number]
        if primitive.multiple and does_more(primitive, params):
            outer = _youngest([*operands, *(trace.in_values or ()), *trace.captures.values()], trace.around)
            if outer is not None:
                return bind_in(outer, primitive, operands, params)
        if any(v.__class__ is Trace.tracer_type for v in operands):
            return bind(primitive, operands, params)
        return _run(trace, number, operands)

    return _ordered(trace, index, trace.lifted, lambda value: _known(trace, value), compute)


def _known(trace: Trace, value: Any) -> Any:
    """The value of an input, which a tangent or cotangent of a rule does not have."""
    if value.__class__ is not Unknown:
        return value
    raise ConcretizationError(
        explain(
            f"Python decides on a tangent or cotangent in {trace.purpose}, which is recorded once for all"
            " of them.",
            source=Source.here(),
            fix="np.where(condition, a, b); a rule is linear in its tangents or cotangents",
        )
    )


def _youngest(values: list[Any], around: Trace | None) -> Trace | None:
    """The trace that an effect is lifted to: the innermost of those outside."""
    found = innermost(values)
    if around is None or around.ended or (found is not None and found.serial > around.serial):
        return found
    return around


def _walk(
    trace: Trace,
    index: int,
    known: dict[int, Any],
    outer: Callable[[Any], Any],
    compute: Callable[[int, list[Any]], Any],
) -> Any:
    """Fill `known` with all that variable `index` depends on, in order, and give its entry."""
    stack = [index]
    while stack:
        top = stack[-1]
        if top in known:
            stack.pop()
            continue
        primitive, operands = trace.records[top][:2]
        if primitive is INPUT or primitive is CAPTURE:
            assert trace.in_values is not None
            known[top] = outer(trace.in_values[top] if primitive is INPUT else trace.captures[top])
            continue
        if primitive is NEXT_OUTPUT:
            stack.append(top - operands[0])
            continue
        missing = [o for o in operands if o.__class__ is int and o not in known]
        if missing:
            stack.extend(missing)
            continue
        result = compute(top, [known[o] if o.__class__ is int else o.value for o in operands])
        if primitive.multiple:
            known.update(zip(range(top, top + len(result)), result, strict=True))
        else:
            known[top] = result
    return known[index]
