"""Nuclei that touch come apart."""

import numpy as np

from segcore.networks.instances import split_nuclei
from segcore.technique import Recorder


def probabilities_of(insides, rims):
    inside, rim = np.float32(insides), np.float32(rims)
    return np.stack([1.0 - inside - rim, inside, rim]).astype(np.float32)


def two_touching():
    y, x = np.indices((60, 100))
    away = np.minimum(np.hypot(y - 30, x - 32), np.hypot(y - 30, x - 66))
    return probabilities_of((away < 14) * 0.9, ((away >= 14) & (away < 18)) * 0.9)


def test_two_touching_nuclei_are_two():
    result = split_nuclei(two_touching(), (100, 60))
    assert [s.name for s in result.segments] == ["Nucleus", "Nucleus"]
    assert [s.label for s in result.segments] == [1, 2]
    assert all(s.is_thing for s in result.segments)
    assert result.labels[30, 32] != result.labels[30, 66]
    assert result.labels[0, 0] == 0
    # The rims belong to the nuclei.
    assert np.count_nonzero(result.labels) > np.pi * 16**2 * 2 * 0.95


def test_labels_have_no_gaps_and_the_size_of_the_image():
    result = split_nuclei(two_touching(), (333, 200))
    assert result.labels.shape == (200, 333)
    assert sorted(np.unique(result.labels)) == [0, 1, 2]


def test_specks_and_empty_images_give_nothing():
    speck = np.zeros((40, 40))
    speck[20, 20] = 0.9
    assert split_nuclei(probabilities_of(speck, speck * 0), (40, 40)).segments == ()
    assert split_nuclei(probabilities_of(speck * 0, speck * 0), (1, 1)).labels.shape == (1, 1)


def test_two_whose_insides_a_bridge_joins_are_two():
    y, x = np.indices((60, 100))
    away = np.minimum(np.hypot(y - 30, x - 32), np.hypot(y - 30, x - 66))
    inside = (away < 14) | ((abs(y - 30) < 3) & (abs(x - 49) < 10))
    rim = (away < 18) & ~inside
    result = split_nuclei(probabilities_of(inside * 0.9, rim * 0.9), (100, 60))
    assert len(result.segments) == 2
    assert result.labels[30, 32] != result.labels[30, 66]


def test_holes_of_a_nucleus_belong_to_it():
    y, x = np.indices((60, 60))
    away = np.hypot(y - 30, x - 30)
    result = split_nuclei(probabilities_of(((away > 3) & (away < 15)) * 0.9, away * 0), (60, 60))
    assert len(result.segments) == 1
    assert result.labels[30, 30] == 1


def test_the_steps_show_markers_and_flood():
    recorder = Recorder()
    split_nuclei(two_touching(), (100, 60), show=recorder)
    steps = {step.title: step.picture for step in recorder.steps}
    assert [*steps] == ["Insides", "Distance transform", "Markers", "Flooded from the markers"]
    markers, flooded = steps["Markers"], steps["Flooded from the markers"]
    assert markers.max() == flooded.max() == 2
    assert np.count_nonzero(markers) < np.count_nonzero(flooded)
    # Each peak of the distance lies in its marker.
    assert markers[steps["Distance transform"] == steps["Distance transform"].max()].all()
