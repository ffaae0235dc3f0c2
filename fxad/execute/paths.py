"""The compiled paths of a jitted function: a tree of the answers that Python was given.

Where Python decides on a traced value, the trace notes a *guard*: which value, and the answer. The
function's Program for a path is cut at its guards. A call runs the first piece, which computes the first
guard's value, and goes on along that answer; at the end of a known path stands the piece that gives
the outputs. An answer not met before is a path not traced yet.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from fxad.execute.cache import Executable
from fxad.source import Source
from fxad.tracing import Trace, as_source
from fxad.tracing.segments import Segment, dependencies, segment
from fxad.tracing.trace import CAPTURE, Guard, Record

__all__ = ["Leaf", "Path", "PathTree"]


class Path(NamedTuple):
    """One compiled path of a jitted function.

    Attributes:
        guards: for each decision on it, where it was made and the answer, in order.
        hits: how many calls took it.
    """

    guards: tuple[tuple[Source | None, Any], ...]
    hits: int


class _Piece:
    """A piece of a path: a Program over variables known so far."""

    __slots__ = ("constants", "gives", "needs", "plain", "run")

    def __init__(self, cut: Segment, gives: Sequence[int], constants: dict[int, Any]) -> None:
        self.run = Executable(cut.program)
        self.needs = cut.needs
        self.gives = tuple(gives)
        self.constants = constants
        #: Whether it takes the arguments of the function as they are.
        self.plain = False

    def arguments(self, values: Sequence[Any]) -> list[Any]:
        """What it needs, of the arguments of the function and its constants."""
        constants = self.constants
        return [constants[n] if n in constants else values[n] for n in self.needs]


class _Decision:
    """A guard: the piece that computes its value, and what follows each answer."""

    __slots__ = ("children", "guard", "piece", "records")

    def __init__(self, piece: _Piece, guard: Guard, records: tuple[Record, ...]) -> None:
        self.piece = piece
        self.guard = guard
        #: What was recorded from the decision before up to this one: the same on every path through it.
        self.records = records
        self.children: dict[Any, _Decision | Leaf] = {}


class Leaf:
    """The end of a path: the piece that gives the outputs, and how they are put together."""

    __slots__ = ("hits", "out", "piece")

    def __init__(self, piece: _Piece, out: Any) -> None:
        self.piece = piece
        self.out = out
        self.hits = 0


class PathTree:
    """All paths compiled for one signature of a function.

    Attributes:
        direct: the only leaf, when the function has decided nothing: no tree to walk.
        count: how many paths there are.
    """

    __slots__ = ("_lock", "count", "direct", "root", "warned")

    def __init__(self) -> None:
        self.root: _Decision | Leaf | None = None
        self.direct: Leaf | None = None
        self.count = 0
        self.warned = False
        self._lock = threading.Lock()

    def follow(self, values: Sequence[Any]) -> tuple[Leaf, Sequence[Any]] | None:
        """The leaf that these arguments lead to and its outputs, or None for a path not known."""
        env: dict[int, Any] = dict(enumerate(values))
        node = self.root
        while isinstance(node, _Decision):
            piece = node.piece
            env.update(piece.constants)
            outs = piece.run(*[env[n] for n in piece.needs])
            env.update(zip(piece.gives, outs[1:], strict=True))
            node = node.children.get(node.guard.decide(outs[0]))
        if node is None:
            return None
        env.update(node.piece.constants)
        return node, node.piece.run(*[env[n] for n in node.piece.needs])

    def add(self, trace: Trace, operands: Sequence[Any], out: Any) -> Leaf:
        """Remember the path that a trace took, and give its leaf.

        When the trace is not what the tree says of the way to a decision, the function has changed (it
        closes over something that did), and what was known of it is forgotten.
        """
        with self._lock:
            leaf = self._add(trace, operands, out)
            if leaf is None:
                self.root, self.count = None, 0
                leaf = self._add(trace, operands, out)
            assert leaf is not None
            self.direct = leaf if self.root is leaf else None
            leaf.piece.plain = leaf.piece.needs == tuple(range(len(trace.in_values or ())))
            return leaf

    def _add(self, trace: Trace, operands: Sequence[Any], out: Any) -> Leaf | None:
        records, guards = trace.records, trace.guards
        targets = [*([g.number] for g in guards), list(operands)]
        known: set[int] = set()
        parent: _Decision | None = None
        node, start = self.root, 0
        for k, guard in enumerate(guards):
            between = tuple(records[start : guard.upto])
            if node is None:
                node = self._decision(trace, targets, k, known, between)
                self._attach(parent, guards, k, node)
            if not isinstance(node, _Decision) or node.records != between:
                return None
            known.update(node.piece.gives)
            parent, start = node, guard.upto
            node = node.children.get(guard.answer)
        if node is not None:
            return node if isinstance(node, Leaf) else None
        cut = segment(records, trace.sources, targets[-1], known)
        leaf = Leaf(_Piece(cut, (), _constants(trace, cut)), out)
        self._attach(parent, guards, len(guards), leaf)
        self.count += 1
        return leaf

    def _attach(
        self, parent: _Decision | None, guards: Sequence[Guard], k: int, node: _Decision | Leaf
    ) -> None:
        if parent is None:
            self.root = node
        else:
            parent.children[guards[k - 1].answer] = node

    def _decision(
        self,
        trace: Trace,
        targets: Sequence[Sequence[Any]],
        k: int,
        known: set[int],
        between: tuple[Record, ...],
    ) -> _Decision:
        """The decision `k` of a path, whose piece also gives what the rest of the path reads of it."""
        records = trace.records
        first = segment(records, trace.sources, targets[k], known)
        later = [t for target in targets[k + 1 :] for t in target]
        outside, _ = dependencies(records, later, known | first.computed)
        gives = [n for n in outside if n in first.computed]
        cut = segment(records, trace.sources, [*targets[k], *gives], known)
        return _Decision(_Piece(cut, gives, _constants(trace, cut)), trace.guards[k], between)

    def paths(self) -> Iterator[Path]:
        """Every known path, with its guards."""
        stack: list[tuple[Any, tuple[tuple[Source | None, Any], ...]]] = [(self.root, ())]
        while stack:
            node, guards = stack.pop()
            if isinstance(node, Leaf):
                yield Path(guards, node.hits)
            elif node is not None:
                place = as_source(node.guard.source)
                stack += [(child, (*guards, (place, answer)))
                          for answer, child in reversed(list(node.children.items()))]


def _constants(trace: Trace, cut: Segment) -> dict[int, Any]:
    """The captured arrays that a piece needs: they are read when the function is traced."""
    return {n: trace.captures[n] for n in cut.needs if trace.records[n][0] is CAPTURE}


