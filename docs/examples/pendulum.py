"""The length of a pendulum, from the angles at which it was seen.

The equation of motion has no solution in elementary functions, so it is integrated: a Runge-Kutta
loop in plain Python. The loop is differentiated as it stands. Gauss-Newton steps on the length, the
starting angle and the damping then bring the simulated trajectory onto the observed one.

The observations in pendulum.csv are not a measurement: they were simulated, with the errors that
reading a protractor from a film would have. The head of the file says how.

    python docs/examples/pendulum.py
"""

import csv
from pathlib import Path

import numpy as np

import fxad

GRAVITY = 9.81
STEP = 0.05  # seconds


def load(path=Path(__file__).with_name("pendulum.csv")):
    """Times in seconds and angles in radians."""
    with open(path, newline="") as file:
        rows = list(csv.reader(line for line in file if not line.startswith("#")))[1:]
    times, degrees = np.array(rows, dtype=float).T
    return times, np.deg2rad(degrees)


def simulate(length, start, damping, times):
    """The angle at each of `times`, multiples of STEP, after release at rest from `start`."""

    def rate(angle, velocity):
        return velocity, -GRAVITY / length * np.sin(angle) - damping * velocity

    angle, velocity, step_number, seen = start, 0.0, 0, []
    for time in times:
        while step_number < round(time / STEP):
            a1, v1 = rate(angle, velocity)
            a2, v2 = rate(angle + STEP / 2 * a1, velocity + STEP / 2 * v1)
            a3, v3 = rate(angle + STEP / 2 * a2, velocity + STEP / 2 * v2)
            a4, v4 = rate(angle + STEP * a3, velocity + STEP * v3)
            angle = angle + STEP / 6 * (a1 + 2 * a2 + 2 * a3 + a4)
            velocity = velocity + STEP / 6 * (v1 + 2 * v2 + 2 * v3 + v4)
            step_number += 1
        seen.append(angle)
    return np.stack(seen)


def residuals(parameters, times, angles):
    """How far the simulation with `parameters` (length, start, damping) is from the observations."""
    length, start, damping = parameters
    return simulate(length, start, damping, times) - angles


def loss(parameters, times, angles):
    """The sum of squared residuals."""
    return (residuals(parameters, times, angles) ** 2).sum()


def gauss_newton(parameters, times, angles, steps=15):
    """The least-squares parameters, and the loss before each step."""
    jacobian = fxad.jacfwd(residuals)  # three parameters, many residuals: forward mode
    history = []
    for _ in range(steps):
        r = residuals(parameters, times, angles)
        history.append(float(r @ r))
        if len(history) > 1 and history[-2] - history[-1] < 1e-12:
            break
        step = np.linalg.lstsq(jacobian(parameters, times, angles), -r, rcond=None)[0]
        parameters = parameters + step
    return parameters, history


def main():
    """Fit and report; gives the results."""
    times, angles = load()
    guess = np.array([1.0, angles[0], 0.0])
    parameters, history = gauss_newton(guess, times, angles)
    sigma = np.sqrt(history[-1] / (len(times) - 3))
    slope = fxad.jacfwd(residuals)(parameters, times, angles)
    errors = sigma * np.sqrt(np.diagonal(np.linalg.inv(slope.T @ slope)))
    result = {
        "observations": len(times),
        "history": history,
        "length": float(parameters[0]),
        "length_error": float(errors[0]),
        "start": float(parameters[1]),
        "damping": float(parameters[2]),
        "rms_degrees": float(np.rad2deg(np.sqrt(np.mean(
            residuals(parameters, times, angles) ** 2)))),
        "gradient_at_guess": fxad.grad(loss)(guess, times, angles),
        "gradient_at_fit": fxad.grad(loss)(parameters, times, angles),
    }
    print(f"{len(times)} angles over {times[-1]:.1f} s; {len(history) - 1} Gauss-Newton steps")
    print(f"sum of squares: {history[0]:.4f} at the guess, {history[-1]:.4f} at the fit")
    print(f"length:  {parameters[0]:.4f} m  +- {errors[0]:.4f}")
    print(f"start:   {np.rad2deg(parameters[1]):.2f} degrees")
    print(f"damping: {parameters[2]:.4f} 1/s")
    print(f"residual: {result['rms_degrees']:.2f} degrees (root mean square)")
    return result


if __name__ == "__main__":
    main()
