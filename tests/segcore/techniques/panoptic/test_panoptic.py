"""The merge of two networks' answers, against its rules written pixel by pixel."""

import numpy as np

from segcore.networks.network import Network
from segcore.run import run
from segcore.samples import get_sample
from segcore.scenes.street import NAMES
from segcore.technique import ignore
from segcore.techniques.panoptic.panoptic import drop_small, fill_stuff
from segcore.weights import load_network

THINGS = ("Sign", "Car", "Pedestrian", "Bicyclist")


def test_stuff_fills_what_no_thing_took_and_unfound_things_stay_void():
    classes = np.array([[NAMES.index("Road"), NAMES.index("Car"), NAMES.index("Sky")]])
    taken = np.array([[False, False, True]])
    filled = fill_stuff(classes, taken, NAMES, THINGS)
    assert filled.tolist() == [[NAMES.index("Road") + 1, 0, 0]]


def test_specks_of_stuff_are_dropped():
    stuff = np.array([[1, 1, 1, 2], [1, 3, 3, 0]], np.int32)
    assert drop_small(stuff, 2).tolist() == [[1, 1, 1, 0], [1, 3, 3, 0]]
    assert drop_small(stuff, 0).tolist() == stuff.tolist()
    assert not drop_small(stuff, 5).any()


# The whole way -----------------------------------------------------------------------------------


def things(**settings):
    result = run("panoptic", get_sample("street").load(), show=ignore, **settings).segmentation
    return [segment for segment in result.segments if segment.is_thing], result


def test_both_shipped_networks_are_asked_and_no_other():
    asked = []

    def load(build, name) -> Network:
        asked.append(name)
        return load_network(build, name)

    found, result = things(load_model=load)
    assert sorted(asked) == ["mask_rcnn_street", "unet_street"]
    assert {segment.name for segment in found} <= set(THINGS)
    stuff = [segment.name for segment in result.segments if not segment.is_thing]
    assert {"Road", "Sky"} <= set(stuff) <= set(NAMES) - set(THINGS)
    assert all(segment.label > len(NAMES) for segment in found)


def test_a_thing_that_nobody_confirms_is_given_up():
    (all_of_them, _), (none, result) = things(agreement=0.0), things(agreement=1.0)
    assert len(none) < len(all_of_them)
    assert not result.labels.flags.writeable
