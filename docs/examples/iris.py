"""Multiclass logistic regression on Fisher's iris measurements.

150 flowers, four measurements each, three species. The model is a softmax over three linear scores;
it is fitted on 120 flowers by Newton's method, with the gradient and the Hessian from fxad, and
judged on the other 30.

    python docs/examples/iris.py
"""

import csv
from pathlib import Path

import numpy as np

import fxad

SPECIES = ("setosa", "versicolor", "virginica")


def load(path=Path(__file__).with_name("iris.csv")):
    """The measurements, of shape (150, 4), and the species as numbers, of shape (150,)."""
    with open(path, newline="") as file:
        rows = list(csv.reader(line for line in file if not line.startswith("#")))[1:]
    measurements = np.array([row[:4] for row in rows], dtype=float)
    species = np.array([SPECIES.index(row[4]) for row in rows])
    return measurements, species


def split(count):
    """Row numbers to fit with, and every fifth row to judge by: ten flowers of each species."""
    rows = np.arange(count)
    return rows[rows % 5 != 4], rows[rows % 5 == 4]


def scores(weights, x):
    """One score a flower and species. `weights` is flat: four slopes and an offset a species."""
    weights = weights.reshape(5, 3)
    return x @ weights[:4] + weights[4]


def loss(weights, x, species, penalty=1e-3):
    """The mean negative log-likelihood, with a ridge penalty that makes the minimum unique."""
    z = scores(weights, x)
    z = z - z.max(axis=1, keepdims=True)
    log_probability = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    fit = -log_probability[np.arange(len(species)), species].mean()
    return fit + penalty * (weights**2).sum()


def newton(weights, x, species, tolerance=1e-10, max_steps=50):
    """The minimum of the loss, and the loss before each step. The loss is convex."""
    gradient, hessian = fxad.value_and_grad(loss), fxad.hessian(loss)
    history = []
    for _ in range(max_steps):
        value, slope = gradient(weights, x, species)
        history.append(float(value))
        if np.linalg.norm(slope) < tolerance:
            break
        weights = weights - np.linalg.solve(hessian(weights, x, species), slope)
    return weights, history


def accuracy(weights, x, species):
    """The share of flowers whose highest score is that of their species."""
    return float(np.mean(scores(weights, x).argmax(axis=1) == species))


def main():
    """Fit, judge and report; gives the results."""
    x, species = load()
    fit, test = split(len(x))
    centre, spread = x[fit].mean(axis=0), x[fit].std(axis=0)
    x = (x - centre) / spread
    weights, history = newton(np.zeros(15), x[fit], species[fit])
    result = {
        "rows": len(x),
        "history": history,
        "weights": weights,
        "gradient": fxad.grad(loss)(weights, x[fit], species[fit]),
        "train_accuracy": accuracy(weights, x[fit], species[fit]),
        "test_accuracy": accuracy(weights, x[test], species[test]),
    }
    for step, value in enumerate(history):
        print(f"step {step}: loss {value:.12f}")
    print(f"largest gradient component at the minimum: {np.abs(result['gradient']).max():.1e}")
    print(f"accuracy on the {len(fit)} flowers of the fit:  {result['train_accuracy']:.1%}")
    print(f"accuracy on the {len(test)} flowers left out:   {result['test_accuracy']:.1%}")
    return result


if __name__ == "__main__":
    main()
