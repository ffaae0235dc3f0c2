"""Ordinary NumPy functions of everyday scientific code: nothing in them knows that they will be differentiated."""

import numpy as np


def heat(u, steps=20, k=0.2):
    """Explicit finite differences for the heat equation, in place, with fixed ends."""
    u = u.copy()
    for _ in range(steps):
        u[1:-1] += k * (u[2:] - 2 * u[1:-1] + u[:-2])
    return u


def burgers(u, steps=10, dt=0.05):
    """Upwind fluxes for the inviscid Burgers equation, on a ring."""
    u = u.copy()
    flux = np.empty_like(u)
    for _ in range(steps):
        half = 0.5 * u * u
        flux[1:] = half[1:] - half[:-1]
        flux[0] = half[0] - half[-1]
        u -= dt * flux
    return u


def gauss_seidel(f, sweeps=8):
    """Sweeps over -u'' = f with zero ends: each value is used as soon as it is new."""
    u = np.zeros_like(f, shape=f.size + 2)
    h = 1.0 / (f.size + 1)
    for _ in range(sweeps):
        for i in range(1, u.size - 1):
            u[i] = 0.5 * (u[i - 1] + u[i + 1] + h * h * f[i - 1])
    return u[1:-1]


def kalman(y, q=0.1, r=0.5):
    """The filtered means of a random walk that is seen with noise."""
    mean = np.zeros_like(y)
    variance = np.zeros_like(y)
    m, p = y[0], 1.0
    for t in range(len(y)):
        p = p + q
        gain = p / (p + r)
        m = m + gain * (y[t] - m)
        p = (1 - gain) * p
        mean[t], variance[t] = m, p
    return mean


def horner(x, coefficients=(2.0, -1.0, 0.5, 3.0)):
    """A polynomial, by Horner's rule."""
    value = np.zeros_like(x)
    for c in coefficients:
        value *= x
        value += c
    return value


def gram_schmidt(a):
    """Orthonormal columns, by the modified Gram-Schmidt process."""
    q = a.copy()
    for j in range(q.shape[1]):
        q[:, j] /= np.sqrt(q[:, j] @ q[:, j])
        for k in range(j + 1, q.shape[1]):
            q[:, k] -= (q[:, j] @ q[:, k]) * q[:, j]
    return q


def lu_solve(a):
    """Solves a x = 1 by elimination without pivoting, in place."""
    n = len(a)
    a = a.copy()
    x = np.ones_like(a[0])
    for k in range(n - 1):
        a[k + 1 :, k] /= a[k, k]
        a[k + 1 :, k + 1 :] -= np.outer(a[k + 1 :, k], a[k, k + 1 :])
    for i in range(1, n):
        x[i] -= a[i, :i] @ x[:i]
    for i in reversed(range(n)):
        x[i] = (x[i] - a[i, i + 1 :] @ x[i + 1 :]) / a[i, i]
    return x


def cholesky(a):
    """The Cholesky factor of a a^T + 1, entry by entry."""
    a = a @ a.T + np.eye(len(a))
    low = np.zeros_like(a)
    for i in range(len(a)):
        for j in range(i):
            low[i, j] = (a[i, j] - low[i, :j] @ low[j, :j]) / low[j, j]
        low[i, i] = np.sqrt(a[i, i] - low[i, :i] @ low[i, :i])
    return low


def power_spectrum(x):
    """The power at each frequency of a signal under a Hann window."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(len(x)) / len(x))
    f = np.fft.rfft(x * window)
    power = f.real**2 + f.imag**2
    power[1:-1] *= 2
    return power / len(x)


def kernel_density(points, at=(-1.0, 0.0, 0.5), bandwidth=0.4):
    """The log density at some places, from samples, without a histogram."""
    z = (np.asarray(at)[:, None] - points[None, :]) / bandwidth
    e = -0.5 * z**2
    top = e.max(axis=1, keepdims=True)
    return np.log(np.exp(e - top).mean(axis=1)) + top[:, 0] - np.log(bandwidth * np.sqrt(2 * np.pi))


def bilinear(xy, shape=(6, 7)):
    """The values of an image between its pixels."""
    rows, columns = np.indices(shape)
    image = np.sin(0.9 * rows) * np.cos(0.6 * columns)
    corner = np.floor(xy).astype(int)
    i = np.clip(corner[:, 0], 0, shape[0] - 2)
    j = np.clip(corner[:, 1], 0, shape[1] - 2)
    s, t = xy[:, 0] - i, xy[:, 1] - j

    def pixel(i, j):
        return np.take_along_axis(image.ravel(), i * shape[1] + j, axis=0)

    return ((1 - s) * (1 - t) * pixel(i, j) + s * (1 - t) * pixel(i + 1, j)
            + (1 - s) * t * pixel(i, j + 1) + s * t * pixel(i + 1, j + 1))


def savitzky_golay(y, half=2, degree=2):
    """A moving least-squares polynomial; the ends stay as they are."""
    powers = np.vander(np.arange(-half, half + 1), degree + 1, increasing=True)
    weights = np.linalg.pinv(powers)[0]
    smooth = y.copy()
    smooth[half:-half] = np.convolve(y, weights[::-1], mode="valid")
    return smooth


def spline(y, at=(0.3, 1.7, 2.2, 3.9)):
    """A natural cubic spline through (0, y0), (1, y1), ...: Thomas's algorithm, then look-ups."""
    n = len(y)
    rhs = 6 * (y[2:] - 2 * y[1:-1] + y[:-2])
    diagonal = np.full_like(rhs, 4.0)
    for i in range(1, n - 2):
        factor = 1 / diagonal[i - 1]
        diagonal[i] -= factor
        rhs[i] -= factor * rhs[i - 1]
    m = np.zeros_like(y)
    for i in reversed(range(1, n - 1)):
        m[i] = (rhs[i - 1] - m[i + 1]) / diagonal[i - 1]
    at = np.asarray(at)
    k = np.searchsorted(np.arange(1, n - 1), at, side="right")
    s = at - k
    return ((1 - s) * y[k] + s * y[k + 1]
            - s * (1 - s) * ((2 - s) * m[k] + (1 + s) * m[k + 1]) / 6)


def predator_prey(rates, steps=25, h=0.1):
    """The Lotka-Volterra equations by Runge-Kutta's method, with the path filled in."""
    path = np.empty_like(rates, shape=(steps + 1, 2))
    path[0] = 1.0, 0.5

    def slope(s):
        return np.array([rates[0] * s[0] - rates[1] * s[0] * s[1],
                         rates[2] * s[0] * s[1] - rates[3] * s[1]])

    for i in range(steps):
        a = slope(path[i])
        b = slope(path[i] + 0.5 * h * a)
        c = slope(path[i] + 0.5 * h * b)
        d = slope(path[i] + h * c)
        path[i + 1] = path[i] + h / 6 * (a + 2 * b + 2 * c + d)
    return path[-1]


def lennard_jones(x):
    """The energy of some atoms: all pairs, once."""
    i, j = np.triu_indices(len(x), 1)
    r2 = np.sum((x[i] - x[j]) ** 2, axis=-1)
    s6 = 1.0 / r2**3
    return 4.0 * np.sum(s6 * s6 - s6)


def moving_average(x, width=3):
    """Means and spreads of a moving window, from running totals."""
    total = np.cumsum(np.insert(x, 0, 0.0))
    squares = np.cumsum(np.insert(x * x, 0, 0.0))
    mean = (total[width:] - total[:-width]) / width
    spread = (squares[width:] - squares[:-width]) / width - mean**2
    return np.stack([mean, np.sqrt(spread + 1e-3)])


def recursive_filter(x, b=0.3, a=(1.2, -0.5)):
    """A difference equation: each output from the input and the two outputs before."""
    y = np.zeros_like(x)
    for i in range(len(x)):
        y[i] = b * x[i]
        if i >= 1:
            y[i] += a[0] * y[i - 1]
        if i >= 2:
            y[i] += a[1] * y[i - 2]
    return y


def attention(x):
    """Self-attention of a few vectors, without weights."""
    scores = np.einsum("id,jd->ij", x, x) / np.sqrt(x.shape[-1])
    scores -= scores.max(axis=-1, keepdims=True)
    weights = np.exp(scores)
    weights /= weights.sum(axis=-1, keepdims=True)
    return weights @ x


def explained_variance(x):
    """How much of the variance the first principal component explains."""
    values = np.linalg.eigvalsh(np.cov(x, rowvar=False))
    return values[-1] / values.sum()


def stationary(scores):
    """The stationary distribution of a Markov chain, given the logs of its rates."""
    p = np.exp(scores)
    p /= p.sum(axis=1, keepdims=True)
    system = p.T - np.eye(len(p))
    system[-1] = 1.0
    rhs = np.zeros_like(scores[0])
    rhs[-1] = 1.0
    return np.linalg.solve(system, rhs)


def gini(x):
    """Gini's coefficient of inequality, from sorted values."""
    x = x.copy()
    x.sort()
    rank = np.arange(1, len(x) + 1)
    return (2 * np.sum(rank * x) / np.sum(x) - len(x) - 1) / len(x)


def time_warping(x, template=(0.0, 1.0, 0.5, -0.5)):
    """The cost of the best alignment with a template: a table filled row by row."""
    template = np.asarray(template)
    cost = np.full_like(x, np.inf, shape=(len(x) + 1, len(template) + 1))
    cost[0, 0] = 0.0
    for i in range(len(x)):
        for j in range(len(template)):
            before = min_of_three(cost[i, j], cost[i, j + 1], cost[i + 1, j])
            cost[i + 1, j + 1] = (x[i] - template[j]) ** 2 + before
    return cost[-1, -1]


def min_of_three(a, b, c):
    """The least of three numbers."""
    return np.minimum(np.minimum(a, b), c)


def levinson(r, order=4):
    """Linear prediction from autocorrelations: Levinson's recursion, with a slice that is its own mirror."""
    a = np.zeros_like(r, shape=order + 1)
    a[0] = 1.0
    error = r[0]
    for k in range(1, order + 1):
        reflection = -(a[:k] @ r[k:0:-1]) / error
        a[1 : k + 1] += reflection * a[k - 1 :: -1]
        error *= 1 - reflection**2
    return a


# The functions, each with an argument to try it on.
_RNG = np.random.default_rng(7)
CASES = {
    heat: np.sin(np.linspace(0.0, 3.0, 9)),
    burgers: 1.0 + 0.3 * np.sin(np.linspace(0.0, 6.0, 8)),
    gauss_seidel: np.linspace(1.0, 2.0, 5),
    kalman: _RNG.normal(size=7),
    horner: np.array([0.5, -1.2, 2.0]),
    gram_schmidt: _RNG.normal(size=(4, 3)),
    lu_solve: _RNG.normal(size=(4, 4)) + 4 * np.eye(4),
    cholesky: _RNG.normal(size=(3, 3)),
    power_spectrum: _RNG.normal(size=8),
    kernel_density: _RNG.normal(size=6),
    bilinear: np.array([[0.3, 1.6], [3.7, 4.2], [4.6, 5.9]]),
    savitzky_golay: _RNG.normal(size=9),
    spline: np.array([0.0, 1.0, -0.5, 2.0, 1.5]),
    predator_prey: np.array([1.1, 0.4, 0.3, 0.6]),
    lennard_jones: np.array([[0.0, 0.0, 0.0], [1.1, 0.1, 0.0], [0.2, 1.2, 0.3], [0.9, 0.9, 1.0]]),
    moving_average: _RNG.normal(size=7),
    recursive_filter: _RNG.normal(size=6),
    attention: _RNG.normal(size=(3, 4)),
    explained_variance: _RNG.normal(size=(6, 3)),
    stationary: _RNG.normal(size=(3, 3)),
    gini: np.array([3.0, 1.0, 4.5, 1.5, 9.0]),
    time_warping: np.array([0.1, 0.9, 0.7, 0.2, -0.3]),
    levinson: np.array([2.0, 1.1, 0.6, 0.1, -0.2]),
}
