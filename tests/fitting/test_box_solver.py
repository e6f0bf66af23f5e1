"""Quadratic programs with bounds against brute force and the optimality conditions."""

import itertools

import numpy as np
import pytest

from realtime.box_solver import solve_box


def random_program(rng, size, rank=None):
    root = rng.normal(size=(rank or size + 2, size))
    matrix = root.T @ root + 1e-3 * np.eye(size)
    vector = matrix @ rng.uniform(-1, 2, size)
    return matrix, vector, np.zeros(size), np.ones(size)


def cost(matrix, vector, x):
    return 0.5 * x @ matrix @ x - vector @ x


def brute_force(matrix, vector, low, high):
    """The best over every choice of variables at their lower bound, upper bound or between."""
    best, best_cost = None, np.inf
    for sides in itertools.product((0, 1, 2), repeat=len(vector)):
        sides = np.array(sides)
        x = np.where(sides == 1, low, high)
        free = sides == 2
        if free.any():
            x[free] = np.linalg.solve(matrix[np.ix_(free, free)], vector[free] - matrix[np.ix_(free, ~free)] @ x[~free])
        if (x >= low - 1e-9).all() and (x <= high + 1e-9).all() and cost(matrix, vector, x) < best_cost:
            best, best_cost = x, cost(matrix, vector, x)
    return best


@pytest.mark.parametrize("seed", range(12))
def test_equals_brute_force_on_small_programs(seed):
    rng = np.random.default_rng(seed)
    program = random_program(rng, size=1 + seed % 6)
    np.testing.assert_allclose(solve_box(*program), brute_force(*program), atol=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_large_ill_conditioned_programs_meet_the_optimality_conditions(seed):
    rng = np.random.default_rng(100 + seed)
    matrix, vector, low, high = random_program(rng, 52, rank=20)
    x = solve_box(matrix, vector, low, high)
    gradient = matrix @ x - vector
    scale = np.abs(vector).max()
    assert (x >= low).all()
    assert (x <= high).all()
    assert np.abs(gradient[(x > low) & (x < high)]).max(initial=0) < 1e-6 * scale
    assert gradient[x == low].min(initial=0) > -1e-6 * scale
    assert gradient[x == high].max(initial=0) < 1e-6 * scale


def test_the_start_changes_only_the_way():
    rng = np.random.default_rng(3)
    program = random_program(rng, 30)
    cold = solve_box(*program)
    np.testing.assert_allclose(solve_box(*program, start=cold), cold, atol=1e-9)
    np.testing.assert_allclose(solve_box(*program, start=1 - cold), cold, atol=1e-7)


def test_the_slow_way_finds_the_same(monkeypatch):
    program = random_program(np.random.default_rng(4), 30)
    quick = solve_box(*program)
    monkeypatch.setattr("realtime.box_solver.QUICK_ROUNDS", 0)
    np.testing.assert_allclose(solve_box(*program), quick, atol=1e-7)
    np.testing.assert_allclose(solve_box(*program, start=np.full(30, 0.5)), quick, atol=1e-7)


def test_a_right_start_needs_one_round(monkeypatch):
    program = random_program(np.random.default_rng(4), 30)
    cold = solve_box(*program)
    monkeypatch.setattr("realtime.box_solver.QUICK_ROUNDS", 1)
    np.testing.assert_allclose(solve_box(*program, start=cold, max_rounds=0), cold, atol=1e-9)


def test_an_inner_optimum_is_the_plain_solution():
    matrix = np.array([[2.0, 0.5], [0.5, 1.0]])
    inner = np.array([0.4, 0.6])
    np.testing.assert_allclose(solve_box(matrix, matrix @ inner, np.zeros(2), np.ones(2)), inner)


def test_clipping_would_be_wrong():
    """Two variables that do nearly the same: the one at its bound leaves its share to the other."""
    matrix = np.array([[1.0, 0.95], [0.95, 1.0]])
    vector = matrix @ np.array([1.5, -0.4])
    x = solve_box(matrix, vector, np.zeros(2), np.ones(2))
    np.testing.assert_allclose(x, [1.0, vector[1] - 0.95], atol=1e-9)


def test_too_few_rounds_stay_in_the_box():
    matrix, vector, low, high = random_program(np.random.default_rng(5), 40, rank=10)
    x = solve_box(matrix, 1e3 * vector, low, high, max_rounds=1)
    assert ((x >= low) & (x <= high)).all()
