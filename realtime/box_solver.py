"""Strictly convex quadratic programs with bounds on every variable, solved exactly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Rounds in which all variables may change side at once; four or five are typical.
QUICK_ROUNDS = 10


def solve_box(
    matrix: NDArray,
    vector: NDArray,
    low: NDArray,
    high: NDArray,
    start: NDArray | None = None,
    max_rounds: int = 300,
) -> NDArray:
    """Minimises x'Ax / 2 - b'x subject to low <= x <= high.

    Every variable is free, at its lower or at its upper bound. First all that violate their condition
    change side at once (block pivoting): a handful of small linear solves, one where `start` has the right
    variables at their bounds. Badly conditioned problems can make that go in circles; then variables
    change one by one from the best point so far, every change lessening the cost, which always ends.

    Args:
        matrix: A, (N, N) symmetric positive definite.
        vector: b, (N,).
        low: (N,) lower bounds.
        high: (N,) upper bounds.
        start: (N,) a guess of the solution.
        max_rounds: rounds of the slow way before its point, which is inside the box, is good enough.

    Returns:
        (N,) float64, always inside the box.
    """
    a, b = np.asarray(matrix, np.float64), np.asarray(vector, np.float64)
    x = low.astype(np.float64) if start is None else np.clip(np.asarray(start, np.float64), low, high)
    # Rounding of the gradient grows with the matrix.
    tolerance = 1e-9 * float(np.abs(b).max(initial=1e-3) + np.abs(np.diagonal(a)).max(initial=1e-3))
    found = _all_at_once(a, b, low, high, x, tolerance)
    if found is None:
        found = _one_by_one(a, b, low, high, x, tolerance, max_rounds)
    return np.clip(found, low, high)


def _all_at_once(
    a: NDArray, b: NDArray, low: NDArray, high: NDArray, start: NDArray, tolerance: float
) -> NDArray | None:
    """Block pivoting; None where it does not end soon."""
    at_low = start <= low
    at_high = (start >= high) & ~at_low
    x = np.empty(len(b))
    for _ in range(QUICK_ROUNDS):
        free = ~(at_low | at_high)
        x[at_low], x[at_high] = low[at_low], high[at_high]
        _solve_free(a, b, x, free)
        gradient = a @ x - b
        below, above = free & (x < low - 1e-9), free & (x > high + 1e-9)
        release = (at_low & (gradient < -tolerance)) | (at_high & (gradient > tolerance))
        if not (below | above | release).any():
            return x
        at_low = (at_low & ~release) | below
        at_high = (at_high & ~release) | above
    return None


def _one_by_one(
    a: NDArray, b: NDArray, low: NDArray, high: NDArray, start: NDArray, tolerance: float, max_rounds: int
) -> NDArray:
    """A primal active set: the point stays in the box and its cost falls in every round."""
    x = start.copy()
    free = (x > low) & (x < high)
    for _ in range(max_rounds):
        goal = x.copy()
        _solve_free(a, b, goal, free)
        way = goal - x
        # The share of the way to the first bound that is met.
        with np.errstate(divide="ignore", invalid="ignore"):
            room = np.where(way > 0, (high - x) / way, np.where(way < 0, (low - x) / way, np.inf))
        room[~free] = np.inf
        first = int(np.argmin(room))
        if room[first] < 1:
            x = np.clip(x + room[first] * way, low, high)
            x[first] = high[first] if way[first] > 0 else low[first]
            free[first] = False
            continue
        x = goal
        gradient = a @ x - b
        # How much each held variable wants to leave its bound.
        pull = np.where(x <= low, -gradient, gradient)
        pull[free] = -np.inf
        most = int(np.argmax(pull))
        if pull[most] <= tolerance:
            break
        free[most] = True
    return x


def _solve_free(a: NDArray, b: NDArray, x: NDArray, free: NDArray) -> None:
    """Sets the free variables of x to their optimum for the others as they are."""
    index, held = np.flatnonzero(free), np.flatnonzero(~free)
    if len(index):
        rows = a[index]
        x[index] = np.linalg.solve(rows[:, index], b[index] - rows[:, held] @ x[held])
