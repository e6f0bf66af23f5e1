"""By what the figures are broken down."""

import numpy as np
import pytest

pytest.importorskip("torch")

from engines.evaluation.groups import facts_of, group, mean, over_kinds, share_group
from engines.evaluation.pairs import Pair
from engines.evaluation.score import Scored
from engines.evaluation.table import goals_table, markdown


def scored(kind, **figures):
    return Scored(Pair(kind, kind, "faces/x.jpg", np.zeros((478, 2), np.float32)), 0.2, figures)


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("faces_generated/f_asian_0012.jpg", {"sex": "female", "ethnicity": "asian"}),
        ("faces_utk/black_m_034_00123.jpg", {"sex": "male", "ethnicity": "black", "age": "20-34"}),
        ("faces_utk/white_f_012_1.jpg", {"sex": "female", "ethnicity": "white", "age": "00-12"}),
        ("faces_utk/white_f_080_1.jpg", {"sex": "female", "ethnicity": "white", "age": "65+"}),
        ("faces_parsed/00123.jpg", {}),
        ("holiday/f_asian_0012.jpg", {}),
        ("", {}),
    ],
)
def test_what_a_name_tells(name, facts):
    assert facts_of(name) == facts


@pytest.mark.parametrize(
    ("share", "label"),
    [(0.0, "00-10 % hidden"), (0.1, "10-25 % hidden"), (0.3, "25-45 % hidden"), (0.6, "45+ % hidden")],
)
def test_groups_by_share(share, label):
    assert share_group(share) == label


def test_a_group_without_a_name_is_left_out():
    rows = [scored("a"), scored("b")]
    assert list(group(rows, lambda row: None if row.pair.kind == "a" else row.pair.kind)) == ["b"]


def test_means_skip_rows_without_the_figure():
    assert mean([scored("a", drift=1.0), scored("a"), scored("a", drift=3.0)], "drift") == 2
    assert np.isnan(mean([scored("a")], "drift"))


def test_kinds_count_alike_however_many_pairs_they_have():
    rows = [scored("a", drift=1.0, iou=0.9)] * 9 + [scored("b", drift=3.0, iou=0.5)]
    assert over_kinds(rows, "drift") == (2.0, 3.0)
    assert over_kinds(rows, "iou") == pytest.approx((0.7, 0.5))


def test_markdown_has_one_rule_and_equal_columns():
    lines = markdown(["a", "b"], [["x", "1"], ["y", "2"]]).splitlines()
    assert lines[1] == "| --- | ---: |"
    assert {line.count("|") for line in lines} == {3}


def test_goals_are_beside_what_was_reached():
    rows = [scored("a", drift=1.0, iou=0.9), scored("b", drift=3.0, iou=0.8)]
    lines = goals_table(rows).splitlines()
    assert "| drift | 2.00 | 2.20 | 3.00 |  |" in lines
    assert "| iou | 0.85 | 0.93 | 0.80 | 0.88 |" in lines


def test_sharpness_is_asked_to_lie_in_a_range_and_telea_to_be_beaten():
    rows = [scored("a", sharp=0.5, gain=4.0), scored("b", sharp=0.9, gain=6.0)]
    lines = goals_table(rows).splitlines()
    assert "| sharp | 0.70 | 0.6-1.3 | 0.50 |  |" in lines
    assert "| gain | 5.00 | 4.50 | 4.00 |  |" in lines
