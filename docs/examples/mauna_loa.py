"""Gaussian-process regression on the carbon dioxide measurements of Mauna Loa.

The concentration of CO2 in the air over Hawaii rises from year to year and swings with the seasons. A
Gaussian process with a kernel of a smooth trend, a season whose shape may drift, and short-lived
weather learns both from 156 monthly means, 1986 to 1998, and predicts the 36 months after them.

The eight hyperparameters are fitted: the marginal likelihood of the data is maximised by BFGS, with
gradients that fxad takes through the Cholesky factorisation.

    python docs/examples/mauna_loa.py
"""

import csv
from pathlib import Path

import numpy as np

import fxad
from fxad.tree import ravel_pytree

#: Logarithms of the hyperparameters to start from: all of them are positive.
START = {
    "trend_size": np.log(20.0),
    "trend_years": np.log(20.0),
    "season_size": np.log(3.0),
    "season_years": np.log(50.0),
    "season_smooth": np.log(1.0),
    "weather_size": np.log(0.5),
    "weather_years": np.log(0.5),
    "noise": np.log(0.3),
}


def load(first, last, path=Path(__file__).with_name("mauna_loa.csv")):
    """Times in years and concentrations in ppm of the months from year `first` through `last`."""
    with open(path, newline="") as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        months = [(int(r["year"]), int(r["month"]), float(r["co2"])) for r in rows]
    chosen = [(year + (month - 0.5) / 12, co2) for year, month, co2 in months if first <= year <= last]
    times, co2 = np.array(chosen).T
    return times, co2


def kernel(p, s, t):
    """The covariance of the concentrations at times `s` and at times `t`, without the noise."""
    p = {name: np.exp(value) for name, value in p.items()}
    d = s[:, None] - t[None, :]
    trend = p["trend_size"] ** 2 * np.exp(-0.5 * (d / p["trend_years"]) ** 2)
    season = p["season_size"] ** 2 * np.exp(
        -0.5 * (d / p["season_years"]) ** 2 - 2 * (np.sin(np.pi * d) / p["season_smooth"]) ** 2
    )
    weather = p["weather_size"] ** 2 * np.exp(-0.5 * (d / p["weather_years"]) ** 2)
    return trend + season + weather


def covariance(p, t):
    """The covariance of noisy measurements at times `t`."""
    return kernel(p, t, t) + np.exp(p["noise"]) ** 2 * np.eye(len(t))


def objective(p, t, y):
    """Minus the logarithm of the marginal likelihood, for each measurement."""
    factor = np.linalg.cholesky(covariance(p, t))
    white = np.linalg.solve(factor, y)
    total = 0.5 * (white**2).sum() + np.log(np.diagonal(factor)).sum()
    return total / len(y) + 0.5 * np.log(2 * np.pi)


def bfgs(f, x, steps):
    """Minimise `f`, which gives a value and a gradient, from the vector `x`."""
    value, slope = f(x)
    inverse_hessian, history = np.eye(len(x)), [float(value)]
    for _ in range(steps):
        direction = -inverse_hessian @ slope
        size = min(1.0, 1.0 / np.abs(direction).max())
        while True:  # halve the step until it gets somewhere
            step = size * direction
            new_value, new_slope = f(x + step)
            if new_value <= value + 1e-4 * (slope @ step):
                break
            size /= 2
            if size < 1e-8:
                return x, history
        change, gain = new_slope - slope, (new_slope - slope) @ step
        x, value, slope = x + step, new_value, new_slope
        history.append(float(value))
        if gain > 0:
            shear = np.eye(len(x)) - np.outer(step, change) / gain
            inverse_hessian = shear @ inverse_hessian @ shear.T + np.outer(step, step) / gain
        if np.abs(slope).max() < 1e-5:
            break
    return x, history


def fit(t, y, steps=30):
    """The hyperparameters at a maximum of the marginal likelihood, and the path there."""
    start, unravel = ravel_pytree(START)
    value_and_slope = fxad.value_and_grad(lambda x: objective(unravel(x), t, y))
    x, history = bfgs(value_and_slope, start, steps)
    return unravel(x), history


def predict(p, t, y, new):
    """The mean and the standard deviation of measurements at the times `new`."""
    across = kernel(p, t, new)
    solved = np.linalg.solve(covariance(p, t), np.column_stack([y, across]))
    variance = np.diagonal(kernel(p, new, new)) - (across * solved[:, 1:]).sum(axis=0)
    return across.T @ solved[:, 0], np.sqrt(variance + np.exp(p["noise"]) ** 2)


def rmse(a, b):
    """The root of the mean squared difference."""
    return float(np.sqrt(np.mean((a - b) ** 2)))


def main():
    """Fit, predict and report; gives the results."""
    t, y = load(1986, 1998)
    new, truth = load(1999, 2001)
    middle = y.mean()
    p, history = fit(t, y - middle)
    mean, deviation = predict(p, t, y - middle, new)
    mean = mean + middle
    same_month_last_year = y[-12:][np.arange(len(truth)) % 12]
    result = {
        "months": len(t),
        "held_out": len(new),
        "history": history,
        "hyperparameters": {name: float(np.exp(value)) for name, value in p.items()},
        "rmse": rmse(mean, truth),
        "baseline_rmse": rmse(same_month_last_year, truth),
        "within_two_deviations": float(np.mean(np.abs(mean - truth) < 2 * deviation)),
    }
    print(f"{len(t)} monthly means, {t[0]:.2f} to {t[-1]:.2f}; {len(new)} held out after them")
    print(f"minus log marginal likelihood a month: {history[0]:.4f} at the start,"
          f" {history[-1]:.4f} after {len(history) - 1} steps")
    for name, value in result["hyperparameters"].items():
        print(f"  {name:<14} {value:8.3f}")
    print(f"held-out RMSE: {result['rmse']:.2f} ppm"
          f" (repeating the last year: {result['baseline_rmse']:.2f} ppm)")
    print(f"held-out months within two standard deviations: {result['within_two_deviations']:.0%}")
    return result


if __name__ == "__main__":
    main()
