"""The example programs run, and find what is known about their data."""

import contextlib
import importlib.util
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs" / "examples"


def load(name):
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def report_of(module):
    """What `main` returns and what it prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        result = module.main()
    return result, out.getvalue()


def test_iris_rows_are_fishers():
    x, species = load("iris").load()
    assert x.shape == (150, 4)
    np.testing.assert_allclose(x.mean(axis=0), [5.843333, 3.057333, 3.758, 1.199333], atol=1e-6)
    assert np.bincount(species).tolist() == [50, 50, 50]


def test_iris():
    module = load("iris")
    result, text = report_of(module)
    assert result["rows"] == 150
    assert result["history"][0] == pytest.approx(np.log(3))  # three species, nothing known
    assert np.all(np.diff(result["history"]) < 1e-12)
    assert np.abs(result["gradient"]).max() < 1e-9
    assert result["train_accuracy"] > 0.95
    assert result["test_accuracy"] > 0.9
    assert f"{result['test_accuracy']:.1%}" in text


def test_iris_gradient_against_the_formula():
    module = load("iris")
    x, species = module.load()
    weights = np.random.default_rng(0).normal(size=15)
    z = module.scores(weights, x)
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    error = (p - np.eye(3)[species]) / len(x)
    expected = np.concatenate([x.T @ error, error.sum(axis=0)[None]]).ravel() + 0.002 * weights
    gradient = module.fxad.grad(module.loss)(weights, x, species)
    np.testing.assert_allclose(gradient, expected, rtol=1e-9, atol=1e-12)


def test_mauna_loa():
    module = load("mauna_loa")
    result, text = report_of(module)
    assert result["months"] == 156
    assert result["held_out"] == 36
    assert result["history"][-1] < result["history"][0] - 0.1
    assert result["rmse"] < 1 < result["baseline_rmse"]
    assert "held-out RMSE" in text


def test_mauna_loa_gradient_against_differences():
    module = load("mauna_loa")
    t, y = module.load(1990, 1992)
    start, unravel = module.ravel_pytree(module.START)

    def f(v):
        return module.objective(unravel(v), t, y - y.mean())

    gradient = module.fxad.grad(f)(start)
    steps = 1e-5 * np.eye(len(start))
    numeric = [(f(start + s) - f(start - s)) / 2e-5 for s in steps]
    np.testing.assert_allclose(gradient, numeric, rtol=1e-5, atol=1e-8)


def test_pendulum():
    module = load("pendulum")
    result, text = report_of(module)
    assert result["observations"] == 41
    assert abs(result["length"] - 0.75) < 4 * result["length_error"] < 0.03
    assert abs(result["start"] - 0.9) < 0.03
    assert 0.8 < result["rms_degrees"] < 1.3  # the noise that was put in is one degree
    assert np.linalg.norm(result["gradient_at_fit"]) < 1e-4 * np.linalg.norm(
        result["gradient_at_guess"]
    )
    assert "length:" in text


def test_pendulum_reverse_and_forward_through_the_loop_agree():
    module = load("pendulum")
    times, angles = module.load()
    p = np.array([0.8, 0.8, 0.1])
    jacobian = module.fxad.jacfwd(module.residuals)(p, times, angles)
    expected = 2 * module.residuals(p, times, angles) @ jacobian
    np.testing.assert_allclose(module.fxad.grad(module.loss)(p, times, angles), expected, rtol=1e-9)


def test_runs_as_a_program_from_anywhere(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "error", str(EXAMPLES / "iris.py")]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True,
                          check=True)
    assert "accuracy" in done.stdout
    assert not done.stderr
