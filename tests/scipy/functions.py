"""One call of each function of `fxad.scipy`: what the coverage table makes its rows of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special

import fxad.scipy.special as special
from tests.numpy.cases import SPD, M, V, X, normal
from tests.numpy.functions import Row, call
from tests.scipy.cases import CASES, Case

__all__ = ["LINALG", "SPECIAL"]


def _of_table(name: str, case: Case) -> Row:
    """The first call that the table of special functions has."""

    def function(n: Any, *operands: Any) -> Any:
        return (case.ours if n is special else case.theirs)(*operands)

    several = getattr(getattr(scipy.special, name), "nin", 1 + (name in ("polygamma", "zeta")))
    return Row(name, function, *case.operands, zero=name == "gammasgn", handed=name in special.UFUNCS,
               note="in the last argument" * (several > len(case.operands)))


_FIRST = {case.id.partition("-")[0]: case for case in reversed(CASES)}
_NUMBERS = np.array([-1.3, 0.4, 2.1])

SPECIAL = [
    *[_of_table(name, case) for name, case in _FIRST.items()],
    *[call(name, _NUMBERS) for name in ("sinc", "softplus") if hasattr(scipy.special, name)],
]


def _own(name: str, *args: Any, **options: Any) -> Row:
    return call(name, *args, handed=False, **options)


def _of_definite(name: str, choose: Callable[[Any], Any] = lambda out: out) -> Row:
    """The function of a Hermitian positive definite matrix that is made from the operand."""
    return Row(name, lambda n, x: choose(getattr(n, name)(x @ x.T + np.eye(3))), M, handed=False)


def _numbers(out: Any) -> Any:
    return out[0]


def _squares(v: Any) -> Any:
    return v[0], v[1] ** 2


#: SciPy hands over none of them.
LINALG = [
    *[_own(name, M) for name in ("det", "expm", "inv", "lu", "norm")],
    *[_own(name, normal(4, 2)) for name in ("pinv", "svdvals")], _own("qr", normal(4, 2), mode="economic"),
    _own("expm_frechet", M, normal(3, 3)), _own("solve", M, normal(3, 2)),
    _own("solve_triangular", M, normal(3, 2), lower=True), _own("block_diag", X, V, M),
    *[_own(name, V) for name in ("circulant", "hankel")], _own("toeplitz", V, normal(5)),
    *[_of_definite(name) for name in ("cholesky", "eigvalsh")], _of_definite("cho_factor", _numbers),
    _of_definite("eigh", _squares), _of_definite("lu_factor", _numbers),
    Row("svd", lambda n, x: [t**2 for t in n.svd(x, full_matrices=False)], M, handed=False),
    Row("eigvals", lambda n, x: n.eigvals(x), SPD + np.triu(M, 1), handed=False),
    Row("eig", lambda n, x: _lengths(*n.eig(x)), SPD + np.triu(M, 1), handed=False),
    Row("cho_solve", lambda n, x, b: n.cho_solve(n.cho_factor(x @ x.T), b), M, normal(3, 2), handed=False),
    Row("lu_solve", lambda n, x, b: n.lu_solve(n.lu_factor(x), b), M, normal(3, 2), handed=False),
]


def _lengths(w: Any, v: Any) -> Any:
    return w, np.abs(v)
