"""One call of each public function of NumPy's, by its name: what the coverage table makes its rows of.

The other tables ask whether a function is right in all its uses. This one asks what can be done with it, so a
call here is a plain one, of one function alone.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import fxad.numpy as fnp
from fxad.numpy.untraced import UNTRACED
from tests.numpy import cases
from tests.numpy.cases import GAPS, MASK, SPD, C, M, P, S, V, W, X, Y, Z, away, normal, positive

__all__ = ["CREATION", "OLD", "QUESTIONS", "REFUSED", "SAME", "TABLES", "Row", "call", "resolve"]

LENGTH = "how long the result is depends on the numbers"


def resolve(namespace: Any, name: str) -> Any:
    """What `name` is in a namespace: "sin", "linalg.inv", "add.reduce"."""
    return functools.reduce(getattr, name.split("."), namespace)


class Row:
    """A function of a namespace and of arrays, and what it can't be asked.

    Args:
        name: the function's name in its namespace.
        function: the call; it takes the namespace and the arrays.
        *arrays: the arrays, which are all traced.
        zero: whether its derivative is zero wherever there is one.
        handed: whether NumPy hands traced values over; if not, the name in `fxad.numpy` is the way.
        named: whether `fxad.numpy` has the name.
        batched: why there is no vmap of it, else "".
        jitted: why there is no jit of it, else "".
        note: what else a user has to know.
    """

    def __init__(self, name: str, function: Callable[..., Any], *arrays: Any, zero: bool = False,
                 handed: bool = True, named: bool = True, batched: str = "", jitted: str = "",
                 note: str = "") -> None:
        self.name = name
        self.function = function
        self.arrays = arrays
        self.zero = zero
        self.handed = handed
        self.named = named
        self.batched = batched
        self.jitted = jitted
        self.note = note

    def __repr__(self) -> str:
        return self.name


def call(name: str, *args: Any, **options: Any) -> Row:
    """A call with these arguments. Floating arrays, in lists and tuples too, are traced, all else is not.

    The options are those of a row; any other is a keyword of the function.
    """
    about = {"zero", "handed", "named", "batched", "jitted", "note"} & options.keys()
    row = {k: options.pop(k) for k in about}
    given = (*args, *options.values())

    def function(n: Any, *arrays: Any) -> Any:
        left = iter(arrays)
        *positional, keywords = [filled(a, left) for a in args], [filled(a, left) for a in options.values()]
        return resolve(n, name)(*positional[0], **dict(zip(options, keywords, strict=True)))

    return Row(name, function, *floating(given), **row)


def floating(value: Any) -> Iterator[Any]:
    """The floating arrays in nested lists and tuples."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "fc":
        yield value
    elif isinstance(value, (list, tuple)):
        for v in value:
            yield from floating(v)


def filled(value: Any, arrays: Iterator[Any]) -> Any:
    """`value` with the next of `arrays` at the place of each floating array."""
    if isinstance(value, (list, tuple)):
        return type(value)(filled(v, arrays) for v in value)
    return next(arrays) if isinstance(value, np.ndarray) and value.dtype.kind in "fc" else value


def calls(names: str, *args: Any, **options: Any) -> list[Row]:
    return [call(name, *args, **options) for name in names.split()]


def own(names: str) -> list[Row]:
    """The calls that the table of ufuncs has under these names."""
    found = {c.name: c for c in cases.UFUNCS}
    return [Row(name, found[name].function, *found[name].arrays) for name in names.split()]


FEW = away(5)
UP = np.cumsum(positive(5))
INSIDE, EDGES = [0.13, 0.61, 0.27, 0.84, 0.45], [0.0, 0.2, 0.5, 1.0]
SQUARE, TENSOR = 0.3 * normal(6, 6) + 2 * np.eye(6), np.reshape(np.eye(6) + 0.1 * normal(6, 6), (2, 3, 6))

ELEMENTS = [
    *own("absolute add arccos arccosh arcsin arcsinh arctan arctan2 arctanh cbrt conjugate copysign cos cosh"
         " deg2rad degrees divide divmod exp exp2 expm1 fabs float_power fmax fmin fmod frexp hypot ldexp"
         " log log10 log1p log2 logaddexp logaddexp2 matmul maximum minimum modf multiply negative nextafter"
         " positive power rad2deg radians reciprocal remainder sin sinc sinh sqrt square subtract tan tanh"
         " vecdot matvec vecmat"),
    call("angle", Z), call("real", Z), call("imag", Z), call("real_if_close", X), call("i0", X),
    call("nan_to_num", GAPS), call("clip", X, np.array(-0.5), np.array(0.6)), call("astype", X, np.float64),
    call("copy", X), call("kaiser", 6, np.array(3.2)),
]

REDUCTIONS = [
    *calls("sum prod max min mean var std median ptp", C, axis=1),
    *calls("nansum nanprod nanmean nanmax nanmin nanvar nanstd nanmedian nancumsum nancumprod", GAPS),
    *calls("cumsum cumprod cumulative_sum cumulative_prod", X, axis=1),
    call("average", X, axis=1, weights=P), call("quantile", X, np.array([0.3, 0.85]), axis=1),
    call("percentile", X, np.array(30.0)), call("nanquantile", GAPS, np.array(0.3)),
    call("nanpercentile", GAPS, np.array(85.0)), call("cov", X, Y), call("corrcoef", X, Y),
]

CALCULUS = [
    call("diff", X, n=2), call("ediff1d", X, to_begin=np.array(2.0)), call("gradient", V, UP),
    call("trapezoid", V, UP), call("interp", X, np.array([-1.0, -0.3, 0.2, 0.9]), normal(4)),
    call("unwrap", 5.0 * FEW), call("cross", normal(4, 3), normal(4, 3)), call("convolve", V, W[:3]),
    call("correlate", V, W[:3], mode="full"), call("polyval", V, X), call("vander", V, 3),
    *calls("polyadd polysub polymul", V, W[:3]), *calls("polyder polyint poly", V),
    call("polydiv", V, np.array([1.5, -0.3, 0.8]),
         batched="how long the remainder is depends on the numbers"), call("polyfit", UP, V, 2),
    Row("roots", lambda n, x: n.sort(n.roots(x) + 0j), np.array([1.0, 0.5, 2.0, -0.3, 0.2])),
    *calls("histogram", INSIDE, EDGES, weights=positive(5), note="through the weights and the edges"),
    call("histogram2d", INSIDE, INSIDE[::-1], [EDGES, 3], weights=positive(5),
         note="through the weights and the edges"),
    call("histogramdd", (INSIDE, INSIDE[::-1]), (2, EDGES), weights=positive(5),
         note="through the weights and the edges"),
    call("histogram_bin_edges", np.array(INSIDE), 3), call("bincount", [0, 2, 2, 1, 5], V, minlength=8),
]

SHAPES = [
    call("reshape", X, (4, 3)), call("ravel", X, order="F"), call("transpose", C, (1, 0, 2)),
    call("swapaxes", C, 0, -1), call("moveaxis", C, 0, -1), call("rollaxis", C, 2),
    call("matrix_transpose", C), call("expand_dims", X, (0, -1)), call("squeeze", X[:, None]),
    call("broadcast_to", V, (2, 5)), call("broadcast_arrays", X, X[0]), call("atleast_1d", S, V),
    call("atleast_2d", S, V), call("atleast_3d", S, X), call("flip", X, 1), *calls("fliplr flipud rot90", X),
    call("roll", X, (1, 2), axis=(0, 1)), call("tile", X, (2, 1, 3)), call("repeat", X, [1, 0, 2], axis=0),
    call("resize", X, (5, 4)), call("concatenate", [X, Y], axis=1), call("stack", [X, Y], axis=-1),
    *calls("vstack hstack dstack column_stack", [X, Y]), call("append", X, Y),
    call("block", [[X, Y], [Y, X]]), call("split", X, [1, 3], axis=1), call("array_split", X, 2),
    call("hsplit", X, 2), call("vsplit", X, 3), call("dsplit", C, 2), call("unstack", X),
    call("insert", X, [0, 2], Y[:, :2], axis=1), call("delete", X, [0, 2], axis=1),
    call("pad", X, 2, mode="reflect"), call("meshgrid", V, W),
    call("linspace", S, np.array(2.5), 7), call("logspace", S, np.array(1.5), 5),
    call("geomspace", np.array(0.5), np.array(9.5), 5), call("full_like", X, S),
    *calls("array asarray asanyarray ascontiguousarray asfortranarray asarray_chkfinite require", X,
           handed=False), call("full", 3, S, handed=False),
    Row("lib.stride_tricks.sliding_window_view",
        lambda n, x: np.lib.stride_tricks.sliding_window_view(x, 2, axis=1), X, named=False),
]

SELECTING = [
    call("where", MASK, X, Y), call("select", [MASK, ~MASK], [X, Y], S),
    call("choose", [0, 1, 1, 0], [X, Y]), call("compress", [True, False, True], X, axis=0),
    call("extract", MASK, X), call("take", X, [[0, 5], [2, 2]]),
    Row("take_along_axis", lambda n, x: n.take_along_axis(x, n.argsort(x, axis=1), axis=1), X),
    Row("piecewise", lambda n, x: n.piecewise(x, [x < 0, x > 1], [lambda t: -t, lambda t: t * t, 7.0]), X),
    *calls("triu tril diagflat", X), *calls("sort sort_complex", FEW), call("partition", FEW, 2),
    call("diag", V, 1), call("diagonal", C, 0, 1, 2), call("trace", C, 1),
    call("apply_along_axis", lambda v: v[:2] * v[1:3], 1, X), call("apply_over_axes", np.sum, C, [0, 2]),
    *calls("unique unique_all unique_counts unique_inverse unique_values", V, batched=LENGTH, jitted=LENGTH),
    *calls("union1d setxor1d", V, W, batched=LENGTH, jitted=LENGTH),
    call("setdiff1d", V, W[:2], batched=LENGTH, jitted=LENGTH),
    Row("intersect1d", lambda n, x: n.intersect1d(x, x[:3]), V, batched=LENGTH, jitted=LENGTH),
    Row("trim_zeros", lambda n, x: n.trim_zeros(n.maximum(x, 0.0)), FEW, batched=LENGTH, jitted=LENGTH),
]


def _written(name: str, *args: Any) -> Row:
    """A function that writes into a copy of the first array."""

    def function(n: Any, x: Any, *arrays: Any) -> Any:
        y, left = n.copy(x), iter(arrays)
        resolve(n, name)(y, *[filled(a, left) for a in args])
        return y

    return Row(name, function, X, *floating(args))


WRITING = [
    _written("copyto", Y), *[_written(name, MASK, Y[0]) for name in ("place", "putmask")],
    _written("put", [0, 5, 2], V[:3]), _written("fill_diagonal", V[:3]),
    _written("put_along_axis", np.array([[0, 2], [1, 3], [3, 0]]), Y[:, :2], 1),
    *[_written(f"{ufunc}.at", np.array([0, 2, 0]), P) for ufunc in ("add", "subtract", "multiply", "divide")],
    *[_written(f"{ufunc}.at", np.array([0, 2]), Y[:2]) for ufunc in ("maximum", "minimum")],
]

PRODUCTS = [
    call("dot", X, Y.T), *calls("inner vdot", X, Y), call("outer", V, W), call("kron", X[:2], Y),
    call("tensordot", X, Y, axes=(1, 1)), call("einsum", "ij,kj->ik", X, Y),
]

UFUNC_METHODS = [
    *calls("add.reduce multiply.reduce maximum.reduce minimum.reduce logaddexp.reduce", X, axis=1),
    *calls("hypot.reduce subtract.reduce", X, axis=1, note="and every other ufunc of two arrays"),
    *calls("add.accumulate multiply.accumulate maximum.accumulate minimum.accumulate", X, axis=1),
    *calls("hypot.accumulate divide.accumulate", X, axis=1, note="and every other ufunc of two arrays"),
    *calls("add.reduceat multiply.reduceat maximum.reduceat minimum.reduceat", X, [0, 2]),
    *calls("hypot.reduceat", X, [0, 2], note="and every other ufunc of two arrays"),
    *calls("add.outer multiply.outer arctan2.outer", V, W, note="and every other ufunc of two arrays"),
    *calls("logical_or.reduce logical_and.reduce", X, axis=1, zero=True),
]

ZERO = [
    *calls("ceil floor rint sign trunc fix spacing round", X), *calls("floor_divide heaviside", X, P),
    *calls("argmax argmin any all count_nonzero", X, axis=1), *calls("nanargmax nanargmin", GAPS),
    *calls("isfinite isinf isnan isposinf isneginf iscomplex isreal logical_not signbit", X),
    *calls("equal greater greater_equal less less_equal logical_and logical_or logical_xor not_equal", X, Y),
    *calls("isclose allclose array_equal array_equiv", X, Y),
    call("argsort", X), call("argpartition", FEW, 2), call("lexsort", (X[0], Y[0])),
    call("searchsorted", [-1.0, 0.0, 1.0], X), call("digitize", X, [-1.0, 0.0, 1.0]),
    call("isin", X, [1.0, 2.0]), *calls("zeros_like ones_like", X),
    *calls("nonzero flatnonzero argwhere", X, batched=LENGTH, jitted=LENGTH),
    *[Row(name, lambda n, x, name=name: getattr(n, name)(x > 0, x < 1), X)
      for name in ("bitwise_and", "bitwise_or", "bitwise_xor")],
    Row("invert", lambda n, x: n.invert(x > 0), X),
    *[Row(name, lambda n, x, name=name: getattr(n, name)(n.ceil(x).astype(int), 2), X)
      for name in ("left_shift", "right_shift", "gcd", "lcm")],
    Row("bitwise_count", lambda n, x: n.bitwise_count(n.ceil(x).astype(int)), X),
    Row("packbits", lambda n, x: n.packbits(x > 0), X),
    Row("unpackbits", lambda n, x: n.unpackbits((x > 0).astype(np.uint8)), X),
    Row("unravel_index", lambda n, x: n.unravel_index(n.argmax(x), (3, 4)), X),
    Row("ravel_multi_index", lambda n, x: n.ravel_multi_index((n.argsort(x[:, 0]), [1, 2, 0]), (3, 4)), X),
    Row("ix_", lambda n, x: n.ix_(n.argsort(x[0]), [0, 1]), X),
    *calls("diag_indices_from tril_indices_from triu_indices_from", M),
]
for _row in ZERO:
    _row.zero = True

_OF_REAL = "complex results, also where NumPy finds that those of a real matrix are real"
LINALG = [
    *calls("linalg.inv linalg.det linalg.slogdet linalg.pinv linalg.cond linalg.matrix_norm linalg.norm"
           " linalg.vector_norm linalg.svdvals linalg.matrix_transpose linalg.trace linalg.diagonal", M),
    call("linalg.solve", M, normal(3, 2)), call("linalg.matrix_power", M, -2),
    call("linalg.qr", normal(4, 2)),
    Row("linalg.lstsq", lambda n, a, b: n.linalg.lstsq(a, b)[:2], normal(5, 3), V),
    Row("linalg.cholesky", lambda n, x: n.linalg.cholesky(x @ x.T), M),
    Row("linalg.eigvalsh", lambda n, x: n.linalg.eigvalsh(x + x.T), M),
    Row("linalg.eigvals", lambda n, x: n.linalg.eigvals(x + 0j), SPD + np.triu(M, 1), note=_OF_REAL),
    Row("linalg.eigh", lambda n, x: _absolute(n, *n.linalg.eigh(x + x.T)), M,
        note="of what is the same for every choice of the vectors' signs"),
    Row("linalg.eig", lambda n, x: _absolute(n, *n.linalg.eig(x + 0j)), SPD + np.triu(M, 1),
        note=f"of what is the same for every choice of the vectors' phases; {_OF_REAL}"),
    Row("linalg.svd", lambda n, x: [n.abs(t) for t in n.linalg.svd(x, full_matrices=False)], normal(4, 3),
        note="of what is the same for every choice of the vectors' signs"),
    call("linalg.multi_dot", [X, Y.T, X]), call("linalg.tensorinv", TENSOR, ind=2),
    call("linalg.tensorsolve", TENSOR, normal(2, 3)), call("linalg.tensordot", X, Y),
    *calls("linalg.outer", V, W), *calls("linalg.cross linalg.vecdot linalg.matmul", M, normal(3, 3)),
    call("linalg.matrix_rank", M, zero=True),
]


def _absolute(n: Any, w: Any, v: Any) -> Any:
    return w, n.abs(v)


FFT = [
    *calls("fft.fft fft.ifft fft.irfft fft.hfft fft.fftshift fft.ifftshift", Z[:, 0]),
    *calls("fft.rfft fft.ihfft", V), *calls("fft.fft2 fft.fftn fft.ifft2 fft.ifftn fft.irfft2 fft.irfftn", Z),
    *calls("fft.rfft2 fft.rfftn", X), *calls("fft.fftfreq fft.rfftfreq", 4, np.array(0.3)),
]

_OF_COMPLEX = "under vmap of complex numbers; of real ones, the dtype of the result depends on them"
EMATH = [
    *calls("emath.sqrt emath.log emath.log2 emath.log10 emath.arccos emath.arcsin emath.arctanh", Z,
           note=_OF_COMPLEX),
    call("emath.logn", 2, Z, note=_OF_COMPLEX), call("emath.power", Z, 2.5, note=_OF_COMPLEX),
]

OBJECTS = [
    Row("vectorize", lambda n, x: n.vectorize(lambda v, w: v * v + w)(x, 2.0), X, handed=False),
    Row("ndenumerate", lambda n, x: n.stack([v * i[0] for i, v in n.ndenumerate(x)]), X, handed=False),
    Row("r_", lambda n, x: n.r_[x, 1.0, x], V, handed=False),
    Row("c_", lambda n, x: n.c_[x, 2.0 * x], V, handed=False),
    Row("mgrid", lambda n, x: n.mgrid[0 : x[0] : 3j, 1 : x[1] : 2j], V, handed=False),
    Row("ogrid", lambda n, x: n.ogrid[0 : x[0] : 3j, 1 : x[1] : 2j], V,
        note="through np with steps such as `3j`, a number of points"),
    Row("poly1d", lambda n, x: (n.poly1d(np.array([1.0, 2.0, 3.0])) * 2.0)(x), V),
]

def there(rows: list[Row]) -> list[Row]:
    """The rows of the functions that this version of NumPy has."""
    return [row for row in rows if hasattr(np, row.name.partition(".")[0])]


#: What the traced functions are, by the title that they have in the table.
TABLES: dict[str, list[Row]] = {title: there(rows) for title, rows in {
    "Functions of each element": ELEMENTS, "Reductions and statistics": REDUCTIONS,
    "Calculus, polynomials and histograms": CALCULUS, "Shapes, joining and creation": SHAPES,
    "Selecting, sorting and sets": SELECTING, "Products": PRODUCTS, "Methods of ufuncs": UFUNC_METHODS,
    "Writing into an array": WRITING,
    "Linear algebra": LINALG, "Fourier transforms": FFT, "Complex where real numbers end": EMATH,
    "Objects": OBJECTS, "Derivative zero": ZERO,
}.items()}

#: Creation from what is never traced, such as a size: a call of each.
CREATION: dict[str, tuple[Any, ...]] = {
    "arange": (5,), "empty": ((0, 2),), "eye": (3,), "identity": (3,), "indices": ((2, 3),), "ones": (3,),
    "zeros": ((2, 3),), "tri": (3,), "bartlett": (5,), "blackman": (5,), "hamming": (5,), "hanning": (5,),
    "diag_indices": (3,), "tril_indices": (3,), "triu_indices": (3,), "mask_indices": (3, np.triu),
    "fromfunction": (lambda i, j: i + j, (2, 3)),
}

#: What is asked about an array, and answered by no array; and the text of it.
QUESTIONS: dict[str, Callable[[Any, Any], Any]] = {
    **{name: (lambda n, x, name=name: getattr(n, name)(x)) for name in (
        "shape", "ndim", "size", "iscomplexobj", "isrealobj", "result_type", "common_type", "min_scalar_type",
        "isscalar", "iterable", "array_repr", "array_str", "array2string")},
    "empty_like": lambda n, x: (n.empty_like(x).shape, n.empty_like(x).dtype),
    "can_cast": lambda n, x: n.can_cast(x.dtype, np.float32),
    "einsum_path": lambda n, x: n.einsum_path("ij,ij", x, x)[0],
}

#: NumPy's own functions as they are: they take no array of numbers.
SAME: dict[str, str] = {
    name: what for names, what in {
        "broadcast_shapes isdtype issubdtype mintypecode promote_types typename": "about shapes and dtypes",
        "fromfile fromregex fromstring genfromtxt load loadtxt": "reads a file or a text",
        "get_include get_printoptions getbufsize geterr geterrcall info printoptions set_printoptions"
        " setbufsize seterr seterrcall show_config show_runtime": "a setting of NumPy's",
    }.items() for name in names.split()
}

#: Why a name has no traced form, and what to write instead, for the names that have no row above.
REFUSED: dict[str, tuple[str, str]] = {
    name: why for name, why in UNTRACED.items()
    if name not in {row.name for rows in TABLES.values() for row in rows} | CREATION.keys()
}




class _Renamed:
    """A namespace in which a name stands for another."""

    def __init__(self, namespace: Any, name: str, other: str) -> None:
        self.namespace, self.name, self.other = namespace, name, other

    def __getattr__(self, name: str) -> Any:
        return getattr(self.namespace, self.other if name == self.name else name)


def _other_names() -> list[Row]:
    """The same calls by the other names of the functions."""
    rows = [row for table in TABLES.values() for row in table]
    first = {id(getattr(fnp, row.name)): row for row in rows if hasattr(fnp, row.name)}
    made = []
    for name in sorted(set(fnp.__all__) - {row.name for row in rows} - OLD):
        row = first.get(id(getattr(fnp, name)))
        if row is not None:
            def function(n: Any, *arrays: Any, row: Row = row, name: str = name) -> Any:
                return row.function(_Renamed(n, row.name, name), *arrays)

            made.append(Row(name, function, *row.arrays, zero=row.zero, note=f"another name of `{row.name}`"))
    return made


#: Names that NumPy has given up, and warns about in the versions that still have them.
OLD = {"in1d", "row_stack", "trapz"}
TABLES["Other names"] = _other_names()
