import numpy as np

from realtime.render.surface import height_slopes


def test_slopes_of_a_ramp_are_constant_and_per_map_side():
    rows, columns = np.mgrid[:8, :16].astype(np.float32)
    slopes = height_slopes((0.5 * columns + 0.25 * rows).astype(np.float16)).astype(np.float32)
    np.testing.assert_allclose(slopes[1:-1, 1:-1, 0], 0.5 * 16)
    np.testing.assert_allclose(slopes[1:-1, 1:-1, 1], 0.25 * 8)


def test_the_rim_leans_half_and_a_flat_map_not_at_all():
    ramp = np.tile(np.arange(8, dtype=np.float16), (8, 1))
    assert (height_slopes(ramp)[:, 0, 0] == 4).all()
    assert not height_slopes(np.full((8, 8), 3, np.float16)).any()
