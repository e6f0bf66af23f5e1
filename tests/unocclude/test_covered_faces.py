"""All faces of a frame, and those that the tracker lost."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from covered_fakes import ring

from realtime import covered_faces
from realtime.covered_faces import CoveredFaces, same_place
from realtime.face_search import rough_landmarks
from realtime.frames import Frame


class FakeSearch:
    places: tuple = ()

    def candidates(self, image):
        return [np.float32(place) for place in self.places]


@pytest.fixture
def search(monkeypatch):
    fake = FakeSearch()
    monkeypatch.setattr(covered_faces, "FaceSearch", lambda: fake)
    return fake


def frame(image, time=0.0):
    return Frame(image, 0.0, time, 0, "x")


def test_a_still_without_a_face_gives_none(stills, search, bare):
    assert CoveredFaces(stills, stills=True).process(frame(bare), []) == []


def test_a_still_in_which_the_search_finds_a_face(stills, search, bare):
    search.places = ([(140, 100), (180, 100), (160, 150)],)
    found = CoveredFaces(stills, stills=True).process(frame(bare), [])
    assert len(found) == 1
    assert np.hypot(*(found[0].face.landmarks[:, :2].mean(0) - (160, 120))) < 40


def test_what_the_contour_network_does_not_confirm_is_no_face(stills, engines, search, bare, face):
    engines[0].certain = False
    search.places = ([(140, 100), (180, 100), (160, 150)],)
    assert CoveredFaces(stills, stills=True).process(frame(bare), [face]) == []


def likely(agreement, certainty):
    """A place as the contour network sees it."""
    return SimpleNamespace(agreement=agreement, certainty=certainty, visible=0.6)


def test_once_one_place_is_surely_a_faces_the_surest_wins(stills, search, bare, monkeypatch):
    search.places = ([(140, 100), (180, 100), (160, 150)],) * 2
    doubtful, fitting = likely(0.7, 0.83), likely(0.85, 0.8)
    for places, won in (([doubtful, fitting], [doubtful]), ([doubtful, doubtful], [])):
        answers = iter(places)
        monkeypatch.setattr(stills, "confirm", lambda *_, answers=answers: next(answers))
        assert CoveredFaces(stills, stills=True).process(frame(bare), []) == won


def test_the_search_is_spared_where_the_tracker_found_a_face(stills, bare, face, monkeypatch):
    monkeypatch.setattr(covered_faces, "FaceSearch", lambda: pytest.fail("searched"))
    assert len(CoveredFaces(stills, stills=True).process(frame(bare), [face])) == 1


def test_in_video_a_covered_face_survives_the_tracker(video, covered, face):
    faces = CoveredFaces(video)
    faces.process(frame(covered), [face])
    for number in range(1, 4):
        (seen,) = faces.process(frame(covered, number / 30), [])
        assert seen.face.id == face.id


def test_found_again_it_keeps_its_number(video, covered, face):
    faces = CoveredFaces(video)
    faces.process(frame(covered), [face])
    faces.process(frame(covered, 1 / 30), [])
    again = replace(face, id=31, is_new=True)
    for number in (2, 3):
        (seen,) = faces.process(frame(covered, number / 30), [again])
        assert seen.face.id == face.id
        assert not seen.face.is_new
        again = replace(again, is_new=False)


def test_somebody_elsewhere_is_somebody_else(video, covered, face):
    faces = CoveredFaces(video)
    faces.process(frame(covered), [face])
    other = replace(face, id=31, landmarks=ring((40, 40), 30))
    found = faces.process(frame(covered, 1 / 30), [other])
    assert [seen.face.id for seen in found] == [face.id, 31]  # largest first, whoever found it


def test_no_more_faces_than_asked_for_are_followed(video, covered, bare, face):
    faces = CoveredFaces(video, max_faces=1)
    faces.process(frame(covered), [face])
    other = replace(face, id=31, landmarks=ring((40, 40), 30))
    for number in (1, 2):  # the tracker lost the covered one and found somebody else
        (seen,) = faces.process(frame(covered, number / 30), [other])
        assert seen.face.id == face.id
        other = replace(other, is_new=False)
    (seen,) = faces.process(frame(bare, 1.0), [other])
    assert seen.face.id == 31


def test_whoever_comes_close_to_a_face_in_view_is_somebody_else(video, bare, face):
    faces = CoveredFaces(video)
    faces.process(frame(bare), [face])
    other = replace(face, id=31, landmarks=ring((190, 120), 60))
    found = faces.process(frame(bare, 1 / 30), [replace(face, is_new=False), other])
    assert sorted(seen.face.id for seen in found) == [face.id, 31]


def test_an_uncovered_face_that_leaves_is_gone(video, bare, face):
    faces = CoveredFaces(video)
    faces.process(frame(bare), [face])
    assert faces.process(frame(bare, 1 / 30), []) == []


def test_rough_landmarks_lay_the_same_crop_as_a_mesh():
    from realtime.alignment import crop_matrix

    points = ring((160, 120), 60)
    rough = rough_landmarks(np.stack([points[[33, 133], :2].mean(0), points[[362, 263], :2].mean(0), points[61, :2]]))
    np.testing.assert_allclose(crop_matrix(rough, 192), crop_matrix(points, 192), atol=1e-3)


@pytest.mark.parametrize(("shift", "same"), [(0, True), (40, True), (90, False)])
def test_same_place(shift, same):
    assert same_place(ring((100 + shift, 100), 60), ring((100, 100), 60)) is same
