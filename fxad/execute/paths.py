"""The compiled paths of a jitted function: a tree of the answers that Python was given.

Where Python decides on a traced value, the trace notes a *guard*: which value, and the answer. The
function's Program for a path is cut at its guards. A call runs the first piece, which computes the first
guard's value, and goes on along that answer; at the end of a known path stands the piece that gives
the outputs. An answer not met before is a path not traced yet.

Effects belong to the piece in which they were recorded, and are done once a call. Their results are handed
on to all later pieces; a call that ends at an answer not met before hands what it has computed to the trace
of its path.
"""

from __future__ import annotations

import bisect
import threading
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from fxad.execute.cache import Executable
from fxad.execute.interpreter import interpret
from fxad.ir.program import Literal
from fxad.source import Source
from fxad.tracing import Trace, as_source, computed
from fxad.tracing.segments import Segment, dependencies, segment
from fxad.tracing.trace import CAPTURE, NEXT_OUTPUT, Foreseen, Guard, Raised, Record, changed

__all__ = ["Leaf", "Path", "PathGuard", "PathTree", "finish"]


class PathGuard(NamedTuple):
    """A decision on a compiled path.

    Attributes:
        expression: what was decided, as it stands in the user's code; None where that can't be read.
        source: where: its `file`, `line` and `function`.
        answer: True or False, an int, or what was raised.
    """

    expression: str | None
    source: Source | None
    answer: Any

    def __str__(self) -> str:
        place = f"  # {self.source}" if self.source is not None else ""
        return f"{self.expression or '...'} -> {self.answer!r}{place}"


class Path(NamedTuple):
    """One compiled path of a jitted function.

    Attributes:
        guards: the decisions on it, in order: what was asked, where, and the answer.
        hits: how many calls took it.
    """

    guards: tuple[PathGuard, ...]
    hits: int

    def __str__(self) -> str:
        rows = [f"{self.hits} call{'s' * (self.hits != 1)}", *map(str, self.guards)]
        return "\n    ".join(rows)

    def __repr__(self) -> str:
        return f"<path: {'; '.join(map(str, self.guards)) or 'no guards'}; hits {self.hits}>"


class _Piece:
    """A piece of a path: a Program over variables known so far."""

    __slots__ = ("constants", "gives", "needs", "plain", "run")

    def __init__(
        self, cut: Segment, gives: Sequence[int], trace: Trace, runs: dict[Any, Executable]
    ) -> None:
        # The steps of a loop are one Program, and it is compiled once.
        key = cut.program, tuple([trace.sources[n] for n in sorted(cut.computed)])
        self.run = runs.get(key) or runs.setdefault(key, Executable(cut.program))
        self.needs = cut.needs
        self.gives = tuple(gives)
        #: The captured arrays that it needs: they are read when the function is traced.
        self.constants = {n: trace.captures[n] for n in cut.needs if trace.records[n][0] is CAPTURE}
        #: Whether it takes the arguments of the function as they are.
        self.plain = cut.needs == tuple(range(len(trace.in_values or ())))

    def arguments(self, values: Sequence[Any]) -> list[Any]:
        """What it needs, of the arguments of the function and its constants."""
        constants = self.constants
        return [constants[n] if n in constants else values[n] for n in self.needs]


class _Decision:
    """A guard: the piece that computes its value, and what follows each answer."""

    __slots__ = ("captures", "children", "guard", "piece", "records")

    def __init__(self, piece: _Piece, guard: Guard, start: int, trace: Trace) -> None:
        self.piece = piece
        self.guard = guard
        #: What was recorded from the decision before up to this one: the same on every path through it.
        self.records = tuple(trace.records[start : guard.upto])
        #: The arrays that were captured there.
        self.captures = {n: v for n, v in trace.captures.items() if start <= n < guard.upto}
        self.children: dict[Any, _Decision | Leaf] = {}

    def on(self, trace: Trace, guard: Guard, start: int) -> bool:
        """Whether the trace came here by the same operations on the same constants."""
        return (
            self.guard[:2] == guard[:2]
            and self.records == tuple(trace.records[start : guard.upto])
            and not any(changed(v, trace.captures[n]) for n, v in self.captures.items())
        )


    def foresee(self, outs: Sequence[Any]) -> Foreseen:
        """What a call has computed that came here."""
        values = dict(zip(self.piece.gives, outs[1:], strict=True))
        if not isinstance(self.guard.number, Literal):
            values[self.guard.number] = outs[0]
        return Foreseen(self.records, self.guard.upto, values)


class Leaf:
    """The end of a path: the piece that gives the outputs, and how they are put together."""

    __slots__ = ("hits", "out", "piece")

    def __init__(self, piece: _Piece, out: Any) -> None:
        self.piece = piece
        self.out = out
        self.hits = 0


class PathTree:
    """All paths compiled for one signature of a function.

    What is known stands in the tree from one statement to the next: who follows it needs no lock, and an
    interruption leaves no half of a path.

    Attributes:
        direct: the only leaf, when the function has decided nothing: no tree to walk.
        count: how many paths there are.
        effectful: whether there are effects on any of them.
    """

    __slots__ = ("_lock", "_runs", "_warned", "count", "direct", "effectful", "root")

    def __init__(self) -> None:
        self.root: _Decision | Leaf | None = None
        self.direct: Leaf | None = None
        self.count = 0
        self.effectful = False
        self._warned = False
        #: What the pieces run, by Program and source.
        self._runs: dict[Any, Executable] = {}
        # Reentrant: a signal handler or a finalizer may call the same function.
        self._lock = threading.RLock()

    def follow(
        self, values: Sequence[Any], foreseen: list[Foreseen] | None = None
    ) -> tuple[Leaf, Sequence[Any]] | None:
        """The leaf that these arguments lead to and its outputs, or None for a path not known.

        What has been computed on the way is put into `foreseen`.
        """
        env: dict[int, Any] = dict(enumerate(values))
        node = self.root
        while isinstance(node, _Decision):
            piece = node.piece
            env.update(piece.constants)
            outs = piece.run.run(*[env[n] for n in piece.needs])
            env.update(zip(piece.gives, outs[1:], strict=True))
            if foreseen is not None and self.effectful:
                foreseen.append(node.foresee(outs))
            try:
                answer = node.guard.decide(outs[0])
            except (ValueError, ArithmeticError) as error:
                answer = Raised(type(error), str(error))
            node = node.children.get(answer)
        if node is None:
            return None
        env.update(node.piece.constants)
        return node, node.piece.run.run(*[env[n] for n in node.piece.needs])

    def add(self, trace: Trace, operands: Sequence[Any], out: Any) -> Leaf:
        """Remember the path that a trace took, and give its leaf.

        When the trace is not what the tree says of the way to a decision, the function has changed (it
        closes over something that did), and what was known of it is forgotten.
        """
        with self._lock:
            leaf = self._add(trace, operands, out)
            if leaf is None:
                self.direct, self.root, self.count, self._runs = None, None, 0, {}
                leaf = self._add(trace, operands, out)
            assert leaf is not None
            self.effectful = self.effectful or bool(trace.effects)
            return leaf

    def _add(self, trace: Trace, operands: Sequence[Any], out: Any) -> Leaf | None:
        guards = trace.guards
        targets = [*([g.number] for g in guards), list(operands)]
        known: set[int] = set()
        gives: list[list[int]] = []
        parent: _Decision | None = None
        node, start = self.root, 0
        for k, guard in enumerate(guards):
            if node is None:
                gives = gives or [[]] * k + _handed_on(trace, targets[k:], start, k, known)
                effects = _between(trace, start, guard.upto)
                cut = segment(trace.records, trace.sources, [*targets[k], *gives[k]], known, effects)
                node = _Decision(_Piece(cut, gives[k], trace, self._runs), guard, start, trace)
                self._attach(parent, guards, k, node)
            if not isinstance(node, _Decision) or not node.on(trace, guard, start):
                return None
            known.update(node.piece.gives)
            parent, start = node, guard.upto
            node = node.children.get(guard.answer)
        if node is not None:
            return node if isinstance(node, Leaf) else None
        cut = segment(trace.records, trace.sources, targets[-1], known, _between(trace, start))
        leaf = Leaf(_Piece(cut, (), trace, self._runs), out)
        self.count += 1
        self._attach(parent, guards, len(guards), leaf)
        return leaf

    def _attach(
        self, parent: _Decision | None, guards: Sequence[Guard], k: int, node: _Decision | Leaf
    ) -> None:
        if parent is not None:
            parent.children[guards[k - 1].answer] = node
        else:
            self.root = node
            self.direct = node if isinstance(node, Leaf) else None

    def first_warning(self) -> bool:
        """Whether nobody has been warned of too many paths yet; true once."""
        with self._lock:
            first = not self._warned
            self._warned = True
            return first

    def paths(self) -> Iterator[Path]:
        """Every known path, with its guards."""
        stack: list[tuple[Any, tuple[PathGuard, ...]]] = [(self.root, ())]
        while stack:
            node, guards = stack.pop()
            if isinstance(node, Leaf):
                yield Path(guards, node.hits)
            elif node is not None:
                place = as_source(node.guard.source)
                asked = None if place is None else place.expression
                stack += [(child, (*guards, PathGuard(asked, place, answer)))
                          for answer, child in reversed(list(node.children.copy().items()))]

    def busiest(self) -> Source | None:
        """The place whose decisions have led to the most different ways on."""
        ways: dict[Any, int] = {}
        stack: list[Any] = [self.root]
        while stack:
            node = stack.pop()
            if isinstance(node, _Decision):
                children = node.children.copy()
                ways[node.guard.source] = ways.get(node.guard.source, 0) + len(children)
                stack += children.values()
        return as_source(max(ways, key=ways.__getitem__)) if ways else None


def finish(trace: Trace, operands: Sequence[Any]) -> tuple[Any, ...]:
    """The values of `operands`, and the effects of a trace of kind JIT that have not taken place yet."""
    rest = [e for e in trace.effects if computed(trace, e) is None]
    cut = segment(trace.records, trace.sources, operands, trace.known, rest)
    return interpret(cut.program)(*[computed(trace, n) for n in cut.needs])


def _handed_on(
    trace: Trace, targets: Sequence[Sequence[Any]], start: int, first: int, known: set[int]
) -> list[list[int]]:
    """What each piece of a path, from decision `first` on, computes for those after it.

    A variable is computed by the first piece that needs it. The results of effects are always handed on.
    """
    records = trace.records
    done = set(known)
    owner: dict[int, int] = {}
    gives: list[dict[int, None]] = []
    ends = [g.upto for g in trace.guards[first:]]
    for k, (target, stop) in enumerate(zip(targets, [*ends, None], strict=True)):
        effects = _between(trace, start, stop)
        outside, inside = dependencies(records, [*target, *effects], done)
        for n in outside:
            if n in owner:
                gives[owner[n]][n] = None
        for n in inside:
            for out in _outputs(records, n):
                owner[out] = k
                done.add(out)
        gives.append(dict.fromkeys(n for e in effects for n in _outputs(records, e)))
        start = stop or start
    return [sorted(g) for g in gives]


def _between(trace: Trace, start: int, stop: int | None = None) -> list[int]:
    """The effects recorded from `start` on, up to `stop`."""
    effects = trace.effects
    end = len(effects) if stop is None else bisect.bisect_left(effects, stop)
    return effects[bisect.bisect_left(effects, start) : end]


def _outputs(records: Sequence[Record], number: int) -> Iterator[int]:
    """The numbers of all outputs of an operation, from that of its first."""
    yield number
    while number + 1 < len(records) and records[number + 1][0] is NEXT_OUTPUT:
        number += 1
        yield number
