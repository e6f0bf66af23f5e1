"""Stills are looked at three times: in each view the same points must come back to the same place."""

import cv2
import numpy as np

from realtime.crop_mesh import VIEWS, SteadyCropMesh

SIDE = 96


def marked():
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    cv2.circle(image, (30, 60), 4, (255, 255, 255), -1)
    return image


class Spot:
    """Finds all landmarks where the picture is brightest; errs as told, look after look."""

    def __init__(self, errors=()):
        self.looks, self.errors = 0, list(errors)

    def find(self, crop):
        error = self.errors[self.looks] if self.looks < len(self.errors) else 0.0
        self.looks += 1
        if error is None:
            return None
        rows, columns = np.nonzero(crop[..., 0] > 128)
        point = np.array([columns.mean() + error, rows.mean() + error, 7.0], np.float32)
        return np.tile(point, (478, 1))


def test_turned_views_agree_with_the_plain_one():
    found = SteadyCropMesh(Spot()).find(marked())
    np.testing.assert_allclose(found[0], [30, 60, 7], atol=0.3)


def test_the_error_of_one_look_counts_a_third():
    spot = Spot(errors=[3.0])
    found = SteadyCropMesh(spot).find(marked())
    np.testing.assert_allclose(found[0, :2], [31, 61], atol=0.3)
    assert spot.looks == 1 + len(VIEWS)


def test_a_view_without_a_face_is_left_out():
    np.testing.assert_allclose(SteadyCropMesh(Spot(errors=[0.0, None])).find(marked())[0, :2], [30, 60], atol=0.3)


def test_no_face_in_the_crop_as_it_is_means_none():
    spot = Spot(errors=[None])
    assert SteadyCropMesh(spot).find(marked()) is None
    assert spot.looks == 1
