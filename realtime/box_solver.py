"""Strictly convex quadratic programs with bounds on every variable, solved exactly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Full exchanges that may fail to reduce the number of violations before the safe rule takes over.
PATIENCE = 3


def solve_box(
    matrix: NDArray,
    vector: NDArray,
    low: NDArray,
    high: NDArray,
    start: NDArray | None = None,
    max_rounds: int = 100,
) -> NDArray:
    """Minimises x'Ax / 2 - b'x subject to low <= x <= high.

    Block principal pivoting (Portugal, Júdice and Vicente 1994, here for two-sided bounds): every variable
    is free, at its lower or at its upper bound; the free ones are solved for, and all that violate their
    condition change side at once. Where that does not lessen the violations, one variable at a time
    changes (Murty's rule), which is known to end for positive definite matrices. A handful of small linear
    solves is typical, one when `start` has the right variables at their bounds.

    Args:
        matrix: A, (N, N) symmetric positive definite.
        vector: b, (N,).
        low: (N,) lower bounds.
        high: (N,) upper bounds.
        start: (N,) a guess of the solution; only which of its entries lie at a bound is used.
        max_rounds: rounds before the best point so far is clipped to the box and returned.

    Returns:
        (N,) float64, always inside the box.
    """
    a = np.asarray(matrix, np.float64)
    b = np.asarray(vector, np.float64)
    n = len(b)
    at_low = np.zeros(n, bool) if start is None else np.asarray(start) <= low
    at_high = np.zeros(n, bool) if start is None else (np.asarray(start) >= high) & ~at_low
    # Rounding in the gradient grows with the matrix; in x with the box.
    slack_x = 1e-9 * float(np.max(high - low, initial=1.0))
    slack_gradient = 1e-9 * float(np.abs(b).max(initial=1.0) + np.abs(np.diagonal(a)).max(initial=1.0))
    fewest, patience = n + 1, PATIENCE
    x = np.empty(n)
    for _ in range(max_rounds):
        free = ~(at_low | at_high)
        x[at_low], x[at_high] = low[at_low], high[at_high]
        if free.any():
            index = np.flatnonzero(free)
            held = np.flatnonzero(~free)
            rows = a[index]
            x[index] = np.linalg.solve(rows[:, index], b[index] - rows[:, held] @ x[held])
        gradient = a @ x - b
        below = free & (x < low - slack_x)
        above = free & (x > high + slack_x)
        release = (at_low & (gradient < -slack_gradient)) | (at_high & (gradient > slack_gradient))
        wrong = below | above | release
        count = int(np.count_nonzero(wrong))
        if count == 0:
            break
        if count < fewest:
            fewest, patience = count, PATIENCE
        elif patience > 0:
            patience -= 1
        else:
            only = np.zeros(n, bool)
            only[np.flatnonzero(wrong)[-1]] = True
            below, above, release = below & only, above & only, release & only
        at_low = (at_low & ~release) | below
        at_high = (at_high & ~release) | above
    return np.clip(x, low, high)
