"""What NumPy has that can't be traced, why, and what to write instead: the one table of it."""

from __future__ import annotations

__all__ = ["UNTRACED"]

_TEXT = "it is about text, which has no derivative"
_FILE = "a file holds numbers, and a traced value stands for many"
_MEMORY = "it is about the bytes in memory, which a traced array does not have"
_TIME = "it is about dates, which have no derivative"
_PLACE = "it changes an array in place by random numbers"
_VALUE = "fxad.value_of(x) where there is a value"

#: For each name in `numpy`, with its submodule: why it has no traced form, and what to write instead.
UNTRACED: dict[str, tuple[str, str]] = {
    # Files and text.
    "save": (_FILE, _VALUE),
    "savetxt": (_FILE, _VALUE),
    "savez": (_FILE, _VALUE),
    "savez_compressed": (_FILE, _VALUE),
    "format_float_positional": (_TEXT, _VALUE),
    "format_float_scientific": (_TEXT, _VALUE),
    "base_repr": (_TEXT, _VALUE),
    "binary_repr": (_TEXT, _VALUE),
    "char": (_TEXT, "plain arrays"),
    "strings": (_TEXT, "plain arrays"),
    # Dates.
    "busday_count": (_TIME, "plain arrays"),
    "busday_offset": (_TIME, "plain arrays"),
    "is_busday": (_TIME, "plain arrays"),
    "datetime_as_string": (_TIME, "plain arrays"),
    "datetime_data": (_TIME, "plain arrays"),
    "isnat": (_TIME, "np.isnan(x) for numbers"),
    # Memory.
    "shares_memory": (_MEMORY, _VALUE),
    "may_share_memory": (_MEMORY, _VALUE),
    "isfortran": (_MEMORY, "x itself: results are in C order"),
    "frombuffer": (_MEMORY, "x.astype(dtype) for the values in another dtype"),
    "from_dlpack": (_MEMORY, "x itself"),
    "lib.stride_tricks.as_strided": (_MEMORY, "sliding_window_view(x, n), or x[index]"),
    # Objects of NumPy's own that hold plain arrays.
    "array": ("NumPy does not hand it over", "fxad.numpy.array(x), np.stack([x, y]), or x.copy()"),
    "asarray": ("NumPy does not hand it over", "x itself, or fxad.numpy.asarray(x)"),
    "asanyarray": ("NumPy does not hand it over", "x itself, or fxad.numpy.asanyarray(x)"),
    "ascontiguousarray": ("NumPy does not hand it over", "x itself"),
    "asfortranarray": ("NumPy does not hand it over", "x itself"),
    "asarray_chkfinite": ("NumPy does not hand it over", "fxad.numpy.asarray_chkfinite(x)"),
    "require": ("NumPy does not hand it over", "x itself, or fxad.numpy.require(x)"),
    "full": ("NumPy does not hand it over", "fxad.numpy.full(shape, x), or np.broadcast_to(x, shape)"),
    "fromiter": ("NumPy does not hand it over", "np.stack(list(values))"),
    "vectorize": ("NumPy does not hand it over", "fxad.numpy.vectorize(f), or fxad.vmap(f)"),
    "ndenumerate": ("NumPy does not hand it over", "fxad.numpy.ndenumerate(x)"),
    "mgrid": ("NumPy does not hand it over", "fxad.numpy.mgrid[...], or np.meshgrid"),
    "ogrid": ("NumPy does not hand it over", "fxad.numpy.ogrid[...], or np.meshgrid"),
    "r_": ("NumPy does not hand it over", "fxad.numpy.r_[...], or np.concatenate"),
    "c_": ("NumPy does not hand it over", "fxad.numpy.c_[...], or np.column_stack"),
    "arange": ("its length would depend on values", "start + step * np.arange(n)"),
    "asmatrix": ("a matrix holds a plain array", "x itself, with @ for products"),
    "bmat": ("a matrix holds a plain array", "np.block"),
    "matrix": ("a matrix holds a plain array", "x itself, with @ for products"),
    "broadcast": ("its iterator is over plain arrays", "np.broadcast_arrays, or np.broadcast_shapes"),
    "nditer": ("its iterator is over plain arrays", "np.ndindex(x.shape) and x[i]"),
    "nested_iters": ("its iterator is over plain arrays", "np.ndindex(x.shape) and x[i]"),
    "frompyfunc": ("its results are arrays of objects", "fxad.numpy.vectorize(f)"),
    "ma": ("a masked array holds a plain array", "np.where(mask, x, y), or np.nanmean and its relatives"),
    "rec": ("the fields of a record are plain arrays", "a dict of arrays"),
    "record": ("the fields of a record are plain arrays", "a dict of arrays"),
    "recarray": ("the fields of a record are plain arrays", "a dict of arrays"),
    "memmap": (_FILE, _VALUE),
    # In place, or of numbers that have to be known.
    "random.shuffle": (_PLACE, "x[rng.permutation(len(x))]"),
    "random.permutation": ("it makes a plain array", "x[rng.permutation(len(x))]"),
    "random.choice": ("it makes a plain array", "x[rng.integers(len(x), size=n)]"),
    "random.normal": ("it draws numbers, and their parameters carry no derivative",
                      "mean + scale * rng.normal(size=n)"),
    "random.uniform": ("it draws numbers, and their parameters carry no derivative",
                       "low + (high - low) * rng.random(n)"),
    "testing": ("a test compares numbers", _VALUE),
}
