"""Random sequences of reads, views and writes, for NumPy, for traced arrays, and as functional rewrites.

A sequence is a list of statements over named arrays. `run` performs it as it stands, on arrays or traced
values. `rewritten` is the same function without assignment: every block of memory is a vector, every array is
a list of positions in one, and a write is `vector.at[positions].set(values)`. Which arrays share memory is
NumPy's word, taken from NumPy arrays: nothing of fxad's own account of it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import fxad

__all__ = ["Sequence", "rewritten", "run", "sequence"]

X, Y = "x", "y"  # the arguments


class View(NamedTuple):
    """`made = f(array)`, which may or may not be a view."""

    made: str
    array: str
    f: Callable[[Any], Any]


class New(NamedTuple):
    """`made = f(*arrays)`, an array of its own."""

    made: str
    arrays: tuple[str, ...]
    f: Callable[..., Any]


class Write(NamedTuple):
    """`array[index] = values`, or `array[index] += values` and so on."""

    array: str
    index: Any
    operator: str
    values: Any  # the name of an array that fits, or a number
    in_place: bool


class Method(NamedTuple):
    """A method that changes the array, and what the array is after it."""

    array: str
    f: Callable[[Any], Any]
    after: Callable[[Any], Any]


class Drop(NamedTuple):
    """A name is forgotten."""

    name: str


class Sequence(NamedTuple):
    """Statements, with a weight for each array that is there in the end."""

    statements: tuple[Any, ...]
    weights: dict[str, Any]
    text: str


#: Methods and functions that write, with what the array is after them.
METHODS: list[tuple[Callable[[Any], Any], Callable[[Any], Any], str]] = [
    (lambda a: a.fill(0.5), lambda a: a * 0.0 + 0.5, "{}.fill(0.5)"),
    (lambda a: a.sort(), lambda a: np.sort(a), "{}.sort()"),
    (lambda a: np.sin(a, out=a), np.sin, "np.sin({0}, out={0})"),
    (lambda a: np.multiply(a[::-1], 0.5, out=a), lambda a: a[::-1] * 0.5,
     "np.multiply({0}[::-1], 0.5, out={0})"),
    (lambda a: np.add(a[:1], 0.5, out=a[-1:]), lambda a: a.at[-1:].set(a[:1] + 0.5),
     "np.add({0}[:1], 0.5, out={0}[-1:])"),
    (lambda a: np.add.at(a, [0, -1, 0], 0.5), lambda a: a.at[[0, -1, 0]].add(0.5),
     "np.add.at({0}, [0, -1, 0], 0.5)"),
    (lambda a: np.copyto(a, -a, where=a < 0), lambda a: np.where(a < 0, -a, a),
     "np.copyto({0}, -{0}, where={0} < 0)"),
    (lambda a: np.putmask(a, a > 0.5, 0.5), lambda a: np.where(a > 0.5, 0.5, a),
     "np.putmask({0}, {0} > 0.5, 0.5)"),
    (lambda a: np.put(a, [0, -1], a.ravel()[:1]),
     lambda a: a.reshape(-1).at[-1].set(a.reshape(-1)[0]).reshape(a.shape),
     "np.put({0}, [0, -1], {0}.ravel()[:1])"),
]

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "=": lambda a, b: b, "+=": lambda a, b: a + b, "-=": lambda a, b: a - b, "*=": lambda a, b: a * b,
    "/=": lambda a, b: a / b,
}


def _assign(a: Any, index: Any, operator: str, v: Any, in_place: bool) -> None:
    if in_place:  # a statement on the name: for an array, `a += v` is the same as a[...] += v
        if operator == "+=":
            a += v
        elif operator == "-=":
            a -= v
        elif operator == "*=":
            a *= v
        else:
            a /= v
    elif operator == "=":
        a[index] = v
    elif operator == "+=":
        a[index] += v
    elif operator == "-=":
        a[index] -= v
    elif operator == "*=":
        a[index] *= v
    else:
        a[index] /= v


def _total(env: dict[str, Any], weights: dict[str, Any], x: Any) -> Any:
    total = np.sum(x) * 0.0
    for name, w in weights.items():
        total = total + np.sum(np.cos(env[name] * w))
    return total


def run(seq: Sequence, x: Any, y: Any) -> Any:
    """Perform the statements as they stand."""
    env: dict[str, Any] = {X: x, Y: y}
    for s in seq.statements:
        perform(s, env)
    return _total(env, seq.weights, x)


def perform(s: Any, env: dict[str, Any]) -> None:
    if isinstance(s, View):
        env[s.made] = s.f(env[s.array])
    elif isinstance(s, New):
        env[s.made] = s.f(*[env[a] for a in s.arrays])
    elif isinstance(s, Write):
        values = env[s.values] if isinstance(s.values, str) else s.values
        _assign(env[s.array], s.index, s.operator, values, s.in_place)
    elif isinstance(s, Method):
        s.f(env[s.array])
    else:
        del env[s.name]


def rewritten(seq: Sequence, x: Any, y: Any, given: Any) -> Any:
    """The same function, without assignment; `given` are the arguments as NumPy arrays."""
    env: dict[str, Any] = dict(zip((X, Y), given, strict=True))  # NumPy's arrays
    blocks: list[Any] = [x, y.reshape(-1)]
    places: dict[str, tuple[int, Any]] = {X: (0, np.arange(x.size)),
                                          Y: (1, np.arange(y.size).reshape(y.shape))}

    def read(name: str) -> Any:
        block, positions = places[name]
        return blocks[block][positions]

    def new(name: str, value: Any) -> None:
        blocks.append(value.reshape(-1))
        places[name] = len(blocks) - 1, np.arange(value.size).reshape(value.shape)

    for s in seq.statements:
        if isinstance(s, View):
            block, positions = places[s.array]
            perform(s, env)
            if np.shares_memory(env[s.made], env[s.array]) or not env[s.made].size:
                places[s.made] = block, s.f(positions)
            else:
                new(s.made, blocks[block][s.f(positions)])
        elif isinstance(s, New):
            new(s.made, s.f(*map(read, s.arrays)))
            perform(s, env)
        elif isinstance(s, Write):
            block, positions = places[s.array]
            where = positions if s.in_place else positions[s.index]
            old = blocks[block][where]
            values = read(s.values) if isinstance(s.values, str) else s.values
            made = OPERATORS[s.operator](old, values) + old * 0.0
            blocks[block] = blocks[block].at[where.reshape(-1)].set(made.reshape(-1))
            perform(s, env)
        elif isinstance(s, Method):
            block, positions = places[s.array]
            made = s.after(read(s.array))
            blocks[block] = blocks[block].at[positions.reshape(-1)].set(made.reshape(-1))
            perform(s, env)
        else:
            perform(s, env)
            del places[s.name]
    return _total({name: read(name) for name in seq.weights}, seq.weights, x)


# -- making them -------------------------------------------------------------------------------------


class _Maker:
    """Makes statements, performing each in NumPy to know which ones are possible."""

    def __init__(self, seed: int, x: Any, y: Any) -> None:
        self.rng = np.random.default_rng(seed)
        self.env: dict[str, Any] = {X: x.copy(), Y: y.copy("K")}
        self.given = dict(self.env)
        self.statements: list[Any] = []
        self.lines: list[str] = []
        self.count = 0

    def pick(self, names: Any) -> Any:
        names = list(names)
        return names[int(self.rng.integers(len(names)))]

    def name(self) -> str:
        self.count += 1
        return f"a{self.count}"

    def add(self, statement: Any, text: str) -> None:
        perform(statement, self.env)
        self.statements.append(statement)
        self.lines.append(text)

    def writable(self) -> list[str]:
        return [n for n, a in self.env.items() if n not in (X, Y) and a.flags.writeable and a.size
                and not any(np.shares_memory(a, g) for g in self.given.values())]

    # -- indices

    def slice(self, n: int) -> slice:
        step = int(self.pick([1, 1, 1, 2, -1, -2, 3]))
        ends = [None, *range(-n, n + 1)]
        return slice(self.pick(ends), self.pick(ends), step)

    def basic(self, shape: tuple[int, ...]) -> Any:
        entries: list[Any] = []
        for n in shape[: int(self.rng.integers(len(shape) + 1))]:
            kind = self.rng.random()
            entries.append(int(self.rng.integers(-n, n)) if kind < 0.3 and n else self.slice(n))
        if self.rng.random() < 0.2:
            entries.insert(int(self.rng.integers(len(entries) + 1)), None)
        if self.rng.random() < 0.2:
            entries.append(Ellipsis)
        index = tuple(entries)
        return index[0] if len(index) == 1 and self.rng.random() < 0.5 else index

    def fancy(self, shape: tuple[int, ...]) -> Any:
        if self.rng.random() < 0.4:
            return self.rng.random(shape) < 0.5
        axis = int(self.rng.integers(len(shape)))
        chosen = self.rng.permutation(shape[axis])[: int(self.rng.integers(1, shape[axis] + 1))]
        return (*[slice(None)] * axis, chosen)

    def shape(self, size: int) -> tuple[int, ...]:
        dims, rest = [], size
        while rest > 1 and len(dims) < 3:
            n = int(self.pick([d for d in range(1, rest + 1) if rest % d == 0]))
            dims.append(n)
            rest //= n
        dims.append(rest)
        return tuple(int(n) for n in self.rng.permutation(dims))

    # -- statements

    def view(self) -> None:
        array = self.pick(self.env)
        a = self.env[array]
        options = ["index", "index", "reshape", "reshape", "ravel", "T", "reshape F", "expand", "squeeze",
                   "flip", "broadcast", "fancy", "flatten", "contiguous", "same"]
        if a.ndim:
            options += ["split", "row"]
        if a.ndim > 1:
            options += ["swap", "move", "transpose", "diagonal", "einsum"]
        kind = self.pick(options)
        f, text = self._view(kind, a)
        made = self.name()
        try:
            if np.ndim(f(a)) == 0:
                return
        except (IndexError, ValueError):
            return
        self.add(View(made, array, f), f"{made} = {text.format(array)}")

    def _view(self, kind: str, a: Any) -> tuple[Callable[[Any], Any], str]:
        ndim = max(a.ndim, 1)
        axis = int(self.rng.integers(ndim))
        match kind:
            case "index":
                index = self.basic(a.shape)
                return lambda a: a[index], f"{{}}[{index}]"
            case "fancy":
                if not a.size or not a.ndim:
                    return lambda a: a.T, "{}.T"
                which = self.fancy(a.shape)
                return lambda a: a[which], f"{{}}[{which}]".replace("\n", "")
            case "reshape":
                shape = self.shape(a.size)
                return lambda a: a.reshape(shape), f"{{}}.reshape({shape})"
            case "reshape F":
                shape = self.shape(a.size)
                return lambda a: np.reshape(a, shape, "F"), f"np.reshape({{}}, {shape}, 'F')"
            case "expand":
                return lambda a: np.expand_dims(a, axis), f"np.expand_dims({{}}, {axis})"
            case "flip":
                return lambda a: np.flip(a, axis), f"np.flip({{}}, {axis})"
            case "broadcast":
                shape = (2, *a.shape)
                return lambda a: np.broadcast_to(a, shape), f"np.broadcast_to({{}}, {shape})"
            case "split":
                half = a.shape[axis] // 2
                return (lambda a: np.split(a, [half], axis)[1]), f"np.split({{}}, [{half}], {axis})[1]"
            case "row":
                n = int(self.rng.integers(max(len(a), 1)))
                return (lambda a: list(a)[n]), f"list({{}})[{n}]"
            case "swap":
                return lambda a: np.swapaxes(a, axis, -1), f"np.swapaxes({{}}, {axis}, -1)"
            case "move":
                return lambda a: np.moveaxis(a, axis, 0), f"np.moveaxis({{}}, {axis}, 0)"
            case "transpose":
                axes = tuple(int(i) for i in self.rng.permutation(a.ndim))
                return lambda a: a.transpose(axes), f"{{}}.transpose({axes})"
            case "einsum":
                return lambda a: np.einsum("i...->...i", a), "np.einsum('i...->...i', {})"
            case "diagonal":
                k = int(self.rng.integers(-1, 2))
                return lambda a: np.diagonal(a, k), f"np.diagonal({{}}, {k})"
        simple: dict[str, Callable[[Any], Any]] = {
            "ravel": lambda a: a.ravel(), "T": lambda a: a.T, "squeeze": lambda a: a.squeeze(),
            "flatten": lambda a: a.flatten(), "contiguous": fxad.numpy.ascontiguousarray,
            "same": lambda a: a[...],
        }
        return simple[kind], {"contiguous": "np.ascontiguousarray({})", "same": "{}[...]"}.get(
            kind, f"{{}}.{kind}" + ("" if kind == "T" else "()"))

    def new(self) -> None:
        array = self.pick(self.env)
        shape = self.env[array].shape
        same = [n for n, a in self.env.items() if a.shape == shape]
        options: list[tuple[str, tuple[str, ...], Callable[..., Any]]] = [
            ("np.sin({})", (array,), np.sin), ("{}.copy()", (array,), lambda a: a.copy()),
            ("np.copy({})", (array,), np.copy), ("{} * 0.75", (array,), lambda a: a * 0.75),
            ("+{}", (array,), lambda a: +a), ("{} + {}", (array, self.pick(same)), lambda a, b: a + b),
            ("{}.astype(float)", (array,), lambda a: a.astype(float)),
            ("np.where({0} > 0, {0}, {1})", (array, self.pick(same)), lambda a, b: np.where(a > 0, a, b)),
            ("np.concatenate([{0}, {0}])", (array,), lambda a: np.concatenate([a, a])),
            ("np.sum({}, 0)", (array,), lambda a: np.sum(a, 0)),
            ("np.clip({})", (array,), lambda a: np.clip(a, None, None)),
            ("np.roll({}, 0)", (array,), lambda a: np.roll(a, 0)),
        ]
        text, arrays, f = self.pick(options)
        made = self.name()
        value = f(*[self.env[a] for a in arrays])
        if np.ndim(value) and value.size <= 48:
            self.add(New(made, arrays, f), f"{made} = {text.format(*arrays)}")

    def write(self) -> None:
        targets = self.writable()
        if not targets:
            return
        array = self.pick(targets)
        a = self.env[array]
        kind = self.rng.random()
        if kind < 0.1:
            f, after, text = self.pick(METHODS)
            if a.ndim:
                self.add(Method(array, f, after), text.format(array))
            return
        in_place = kind < 0.3
        index = self.basic(a.shape) if kind < 0.75 else self.fancy(a.shape)
        if in_place:
            index = Ellipsis
        operator = self.pick(list(OPERATORS)[1:] if in_place else OPERATORS)
        target = a[index].shape
        fits = [n for n, b in self.env.items() if _fits(b.shape, target)]
        numbers = [0.0, 1.0, -0.4, 1.7]
        values = self.pick(fits) if fits and self.rng.random() < 0.75 else self.pick(numbers)
        if operator == "/=" and (isinstance(values, str) or values == 0.0):
            operator = "*="
        bracket = "" if in_place else f"[{index}]".replace("\n", "")
        self.add(Write(array, index, operator, values, in_place), f"{array}{bracket} {operator} {values}")

    def drop(self) -> None:
        names = [n for n in self.env if n not in (X, Y)]
        if names:
            name = self.pick(names)
            self.add(Drop(name), f"del {name}")


def _fits(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(shape, target) == target
    except ValueError:
        return False


def sequence(seed: int, x: Any, y: Any, length: int = 12) -> Sequence:
    """A random sequence."""
    maker = _Maker(seed, x, y)
    maker.new()
    with np.errstate(all="ignore"):
        for _ in range(length):
            kind = maker.rng.random()
            step = (maker.new if kind < 0.2 else maker.view if kind < 0.5 else
                    maker.write if kind < 0.93 else maker.drop)
            step()
    weights = {n: maker.rng.uniform(0.3, 1.1, a.shape) for n, a in maker.env.items()}
    return Sequence(tuple(maker.statements), weights, "\n".join(maker.lines))
