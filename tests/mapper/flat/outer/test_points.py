"""Outer points are shared by designs of similar room."""

import numpy as np

from dse.mapper.flat.outer.points import coarse_room


def test_rooms_are_rounded_up_to_few_sizes():
    rooms = np.array([0.0, 1.0, 4.0, 5.0, 1024.0, 1025.0, 2.0**18])
    assert coarse_room(rooms).tolist() == [4.0, 4.0, 4.0, 1024.0, 1024.0, 2.0**18, 2.0**18]
    assert (coarse_room(rooms) >= rooms).all()
