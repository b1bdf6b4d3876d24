"""Region growing against flood fills of other libraries and against brute-force growth."""

import math
from itertools import pairwise

import cv2
import numpy as np
import pytest
from scipy import ndimage, sparse
from skimage import data, measure, segmentation

from segcore import SettingError, run
from segcore.charts import Curve, Frames, Histogram
from segcore.ops.growth import GrowthRule
from segcore.samples import SAMPLES
from segcore.technique import Recorder, ignore
from segcore.techniques.classical.region_growing import (
    TECHNIQUE,
    automatic_seeds,
    flood_apart,
    grow_together,
    growing_space,
    segment,
)

ALL = 10**9  # more pixels than any image here has
NOISE = np.random.default_rng(1).integers(0, 256, (90, 120), dtype=np.uint8)
GRAYS = {
    "camera": data.camera(),
    "coins": data.coins(),
    "moon": data.moon(),
    "page": data.page(),
    "chelsea": cv2.cvtColor(data.chelsea(), cv2.COLOR_RGB2GRAY),
    "noise": NOISE,
    "soft noise": cv2.GaussianBlur(NOISE, (0, 0), 1),
}
COLORS = {"coffee": data.coffee(), "chelsea": data.chelsea(), "astronaut": data.astronaut()}


@pytest.fixture(params=GRAYS, scope="module")
def gray(request):
    return GRAYS[request.param]


def rgb(gray):
    return np.dstack([gray] * 3)


def small(image, width=48):
    size = width, round(width * image.shape[0] / image.shape[1])
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def three_points(height, width):
    return [(0, 0), (width // 2, height // 3), (width - 4, height - 9)]


def labels(image, **settings):
    return run("region_growing", image, **settings).segmentation.labels


def grow(picture, seeds, criterion, tolerance, connectivity=8, max_area=ALL):
    rule = GrowthRule(criterion, tolerance, connectivity, max_area)
    return grow_together(picture, seeds, rule, ignore)


# One seed: flood fills ---------------------------------------------------------------------------


@pytest.mark.parametrize("connectivity", [4, 8])
@pytest.mark.parametrize("tolerance", [0, 1, 7, 30, 100, 255])
def test_seed_value_is_skimage_flood(gray, connectivity, tolerance):
    for x, y in three_points(*gray.shape):
        expected = segmentation.flood(
            gray, (y, x), tolerance=tolerance, connectivity=connectivity // 4
        )
        settings = {"tolerance": tolerance, "connectivity": connectivity}
        found = labels(rgb(gray), seeds=[(x, y)], criterion="seed", **settings)
        assert np.array_equal(found, expected)
        assert np.array_equal(grow(gray, [(x, y)], "seed", tolerance, connectivity), expected)


@pytest.mark.parametrize("connectivity", [4, 8])
@pytest.mark.parametrize("tolerance", [0, 1, 3, 8, 40, 255])
def test_neighbor_is_floating_flood_fill(gray, connectivity, tolerance):
    for x, y in three_points(*gray.shape):
        filled = np.zeros(np.add(gray.shape, 2), np.uint8)
        flags = connectivity | cv2.FLOODFILL_MASK_ONLY | 1 << 8
        cv2.floodFill(gray, filled, (x, y), 0, tolerance, tolerance, flags)
        settings = {"tolerance": tolerance, "connectivity": connectivity}
        found = labels(rgb(gray), seeds=[(x, y)], criterion="neighbor", **settings)
        assert np.array_equal(found, filled[1:-1, 1:-1])
        grown = grow(gray, [(x, y)], "neighbor", tolerance, connectivity)
        assert np.array_equal(grown, filled[1:-1, 1:-1])


def color_steps(lab, connectivity):
    """Pairs of neighbouring pixels and the distance of their colours, as arrays."""
    index = np.arange(lab.shape[0] * lab.shape[1]).reshape(lab.shape[:2])
    pairs = [(np.s_[:, 1:], np.s_[:, :-1]), (np.s_[1:], np.s_[:-1])]
    if connectivity == 8:
        pairs += [(np.s_[1:, 1:], np.s_[:-1, :-1]), (np.s_[1:, :-1], np.s_[:-1, 1:])]
    ends = [(index[a].ravel(), index[b].ravel()) for a, b in pairs]
    sizes = [np.linalg.norm(lab[a] - lab[b], axis=2).ravel() for a, b in pairs]
    return *np.concatenate(ends, axis=1), np.concatenate(sizes)


@pytest.mark.parametrize("name", COLORS)
@pytest.mark.parametrize("connectivity", [4, 8])
def test_one_seed_in_color(name, connectivity):
    image = small(COLORS[name], 200)
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    one, other, size = color_steps(lab, connectivity)
    for (x, y), tolerance in zip(three_points(*image.shape[:2]), (12, 25, 40), strict=True):
        settings = {"tolerance": tolerance, "connectivity": connectivity, "space": "lab"}
        delta_e = tolerance / 255 * 100
        alike = np.linalg.norm(lab - lab[y, x], axis=2) <= delta_e
        parts = measure.label(alike, connectivity=connectivity // 4)
        found = labels(image, seeds=[(x, y)], criterion="seed", **settings)
        assert np.array_equal(found, parts == parts[y, x])

        edges = size <= delta_e / 4
        graph = sparse.coo_array((edges[edges], (one[edges], other[edges])), (alike.size,) * 2)
        _, parts = sparse.csgraph.connected_components(graph, directed=False)
        parts = parts.reshape(alike.shape)
        assert (parts == parts[y, x]).mean() < 1
        quarter = growing_space(image, "lab", ignore) * np.float32(4)
        found = grow(quarter, [(x, y)], "neighbor", tolerance, connectivity)
        assert np.array_equal(found, parts == parts[y, x])


def test_tolerance_spans_black_to_white_in_both_spaces():
    image = np.repeat(np.uint8([[[0, 0, 0], [255, 255, 255]]]), 3, axis=0)
    for space in ("gray", "lab"):
        for criterion in ("seed", "mean", "neighbor"):
            settings = {"seeds": [(0, 0)], "space": space, "criterion": criterion}
            assert labels(image, tolerance=254, **settings)[:, 1].max() == 0
            assert labels(image, tolerance=255, **settings).min() == 1


# Several seeds -----------------------------------------------------------------------------------


def neighbors(x, y, shape, connectivity):
    for dx, dy in [(0, -1), (-1, 0), (1, 0), (0, 1), (-1, -1), (1, -1), (-1, 1), (1, 1)]:
        inside = 0 <= x + dx < shape[1] and 0 <= y + dy < shape[0]
        if inside and (connectivity == 8 or dx * dy == 0):
            yield x + dx, y + dy


class ByDefinition:
    """The rule of the article pixel by pixel, with lists and dictionaries."""

    def __init__(self, picture, seeds, rule):
        self.values, self.rule = np.atleast_3d(picture).astype(np.float64), rule
        self.owner = {seed: region for region, seed in enumerate(seeds, 1)}
        self.members = {region: [self.value(seed)] for seed, region in self.owner.items()}
        self.compared = {region: values[0] for region, values in self.members.items()}

    def value(self, pixel):
        return self.values[pixel[1], pixel[0]]

    def claims(self, joined):
        """(distance, region, pixel) for every free neighbour of every pixel that joined."""
        for pixel in joined:
            region = self.owner[pixel]
            for other in neighbors(*pixel, self.values.shape, self.rule.connectivity):
                if other not in self.owner:
                    chained = self.rule.criterion == "neighbor"
                    reference = self.value(pixel) if chained else self.compared[region]
                    yield math.dist(self.value(other), reference), region, other

    def sweep(self, front, level):
        """Gives the pixels within the level to the nearest regions; returns those that joined."""
        best = {}
        for distance, region, pixel in sorted(claim for claim in front if claim[0] <= level):
            best.setdefault(pixel, (distance, pixel[1], pixel[0], region))
        joined = []
        for _, y, x, region in sorted(best.values()):
            if len(self.members[region]) < self.rule.max_area:
                self.owner[x, y] = region
                self.members[region].append(self.value((x, y)))
                joined.append((x, y))
        if self.rule.criterion == "mean":
            self.compared = {r: np.mean(values, axis=0) for r, values in self.members.items()}
        return joined

    def open(self, waiting):
        """The claims that are left when the level opens, measured again."""
        for distance, region, pixel in waiting:
            if pixel not in self.owner and len(self.members[region]) < self.rule.max_area:
                moved = self.rule.criterion == "mean"
                now = math.dist(self.value(pixel), self.compared[region]) if moved else distance
                yield now, region, pixel

    def grow(self):
        level, waiting, front = 0, [], list(self.claims(list(self.owner)))
        while True:
            waiting += front
            joined = self.sweep(front, level)
            front = list(self.claims(joined))
            if not joined:
                front, waiting = list(self.open(waiting)), []
                nearest = min((distance for distance, _, _ in front), default=math.inf)
                if nearest > self.rule.tolerance:
                    break
                level = min(self.rule.tolerance, max(level + 1, math.ceil(nearest)))
        labels = np.zeros(self.values.shape[:2], int)
        for (x, y), region in self.owner.items():
            labels[y, x] = region
        return labels


@pytest.mark.parametrize("criterion", ["seed", "mean", "neighbor"])
@pytest.mark.parametrize("connectivity", [4, 8])
@pytest.mark.parametrize("max_area", [ALL, 90])
@pytest.mark.parametrize("name", ["camera", "coins", "soft noise", "coffee"])
def test_growth_follows_its_definition(name, criterion, connectivity, max_area):
    image = small(COLORS[name], 30) if name in COLORS else small(GRAYS[name], 30)
    picture = growing_space(image, "lab", ignore) if name in COLORS else image
    for seeds in (
        [(12, 9)],
        [(3, 3), (20, 5), (9, 14), (25, 17), (12, 9)],
        [(x, y) for y in range(1, 18, 2) for x in range(2, 30, 4)],
    ):
        for tolerance in (6, 30):
            rule = GrowthRule(criterion, tolerance, connectivity, max_area)
            expected = ByDefinition(picture, seeds, rule).grow()
            assert np.array_equal(grow_together(picture, seeds, rule, ignore), expected)


@pytest.mark.parametrize(("connectivity", "metric"), [(4, np.add), (8, np.maximum)])
def test_equal_claims_go_to_the_nearer_front_and_then_to_the_earlier_seed(connectivity, metric):
    image = np.full((40, 61, 3), 77, np.uint8)
    seeds = [(50, 9), (10, 5), (21, 33), (20, 33)]
    y, x = np.indices(image.shape[:2])
    steps = np.stack([metric(abs(x - sx), abs(y - sy)) for sx, sy in seeds])
    found = labels(image, seeds=seeds, connectivity=connectivity, tolerance=0)
    assert np.array_equal(found, steps.argmin(axis=0) + 1)


def test_regions_that_never_meet_are_the_same_either_way():
    checked = 0
    for gray in (small(g, 120) for g in GRAYS.values()):
        for criterion, tolerance in (("seed", 12), ("neighbor", 2)):
            for connectivity in (4, 8):
                rule = GrowthRule(criterion, tolerance, connectivity, ALL)
                seeds = automatic_seeds(gray, 9, rule, ignore)
                for count in range(2, len(seeds) + 1):
                    apart = flood_apart(gray, seeds[:count], rule, ignore)
                    if apart is not None:
                        together = grow_together(gray, seeds[:count], rule, ignore)
                        assert np.array_equal(apart, together)
                        checked += 1
    assert checked > 20


def test_a_region_never_leaves_its_flood():
    gray = small(data.camera(), 160)
    seeds = [(20, 90), (80, 20), (120, 100), (60, 120)]
    found = labels(rgb(gray), seeds=seeds, tolerance=60)
    assert len(np.unique(found)) == 5
    for region, (x, y) in enumerate(seeds, 1):
        flood = segmentation.flood(gray, (y, x), tolerance=60)
        own = found == region
        assert not (own & ~flood).any()
        assert own[y, x]
        assert measure.label(own, connectivity=2).max() == 1


# The running mean --------------------------------------------------------------------------------


def one_pixel_at_a_time(gray, seeds, tolerance):
    """Adams and Bischof's growth, always by the pixel nearest to the means of now."""
    owner, front = np.zeros(gray.shape, int), {}
    sums, sizes = [0.0], [0]

    def join(x, y, region):
        owner[y, x] = region
        sums[region] += float(gray[y, x])
        sizes[region] += 1
        for p in neighbors(x, y, gray.shape, 8):
            front[(*p, region)] = float(gray[p[1], p[0]])

    for region, (x, y) in enumerate(seeds, 1):
        sums.append(0.0)
        sizes.append(0)
        join(x, y, region)
    while True:
        for claim in [c for c in front if owner[c[1], c[0]]]:
            del front[claim]
        if not front:
            return owner
        claim = min(front, key=lambda c: (abs(front[c] - sums[c[2]] / sizes[c[2]]), c[2]))
        if abs(front[claim] - sums[claim[2]] / sizes[claim[2]]) > tolerance:
            return owner
        join(*claim)


def test_mean_equals_sequential_growth_without_noise():
    y, x = np.indices((36, 48))
    gray = np.full((36, 48), 40, np.uint8)
    gray[(x - 14) ** 2 + (y - 16) ** 2 < 90] = 90
    gray[8:30, 30:44] = 150
    gray[12:20, 34:40] = 230
    seeds = [(1, 1), (14, 16), (31, 10), (36, 15)]
    for tolerance in (0, 20, 45):
        found = labels(rgb(gray), seeds=seeds, criterion="mean", tolerance=tolerance)
        assert np.array_equal(found, one_pixel_at_a_time(gray, seeds, tolerance))
        assert len(np.unique(found)) == 4


def test_mean_is_close_to_sequential_growth_on_photographs():
    agreement = []
    for name in ("camera", "coins", "moon", "page", "chelsea"):
        gray = small(GRAYS[name], 40)
        seeds = automatic_seeds(gray, 8, GrowthRule("mean", 25, 8, ALL), ignore)
        found = grow(gray, seeds, "mean", 25)
        agreement.append((found == one_pixel_at_a_time(gray, seeds, 25)).mean())
    print("agreement with one pixel at a time:", np.round(agreement, 3))
    assert min(agreement) > 0.85
    assert np.mean(agreement) > 0.93


@pytest.mark.parametrize("space", ["gray", "lab"])
def test_mean_ends_where_no_neighbor_is_near_any_more(space):
    image = small(COLORS["coffee"], 160)
    seeds, tolerance = [(30, 60), (80, 30), (120, 80)], 22
    found = labels(image, seeds=seeds, criterion="mean", tolerance=tolerance, space=space)
    values = np.atleast_3d(growing_space(image, space, ignore)).astype(np.float64)
    bordering = 0
    for region in (1, 2, 3):
        own = found == region
        ring = (cv2.dilate(own.view(np.uint8), np.ones((3, 3))) > 0) & (found == 0)
        distance = np.linalg.norm(values[ring] - values[own].mean(axis=0), axis=1)
        assert distance.min() > tolerance - 1e-3
        bordering += ring.sum()
    assert bordering > 100


def test_mean_forgets_an_unlucky_seed():
    rng = np.random.default_rng(2)
    gray = np.full((60, 60), 60, np.uint8)
    gray[10:50, 10:50] = np.clip(rng.normal(140, 6, (40, 40)), 122, 158)
    gray[30, 30] = 124
    image = rgb(gray)
    by_seed = labels(image, seeds=[(30, 30)], tolerance=22) > 0
    by_mean = labels(image, seeds=[(30, 30)], tolerance=22, criterion="mean") > 0
    assert by_seed.sum() < 0.95 * 1600
    assert np.array_equal(by_mean, gray > 100)


# Limits and seeds --------------------------------------------------------------------------------


@pytest.mark.parametrize("criterion", ["seed", "mean", "neighbor"])
@pytest.mark.parametrize("per_cent", [1, 7, 20])
def test_no_region_grows_beyond_its_limit(criterion, per_cent):
    image = rgb(small(data.camera(), 100))
    seeds = [(10, 70), (60, 10), (80, 80)]
    settings = {"seeds": seeds, "criterion": criterion, "tolerance": 60}
    free = np.bincount(labels(image, **settings).ravel(), minlength=4)[1:]
    limit = image.shape[0] * image.shape[1] * per_cent // 100
    found = np.bincount(labels(image, max_size=per_cent, **settings).ravel(), minlength=4)[1:]
    assert (found <= limit).all()
    assert (found[free > limit] == limit).any()


def test_limited_region_takes_the_most_similar_pixels_first():
    row = np.uint8([9, 8, 7, 6, 5, 0, 2, 4, 6, 8])
    found = labels(np.dstack([row[None]] * 3), seeds=[(5, 0)], tolerance=255, max_size=40)
    assert np.array_equal(np.flatnonzero(found[0]), [4, 5, 6, 7])


def test_a_seed_given_twice_counts_once():
    image = rgb(data.coins())
    once = run("region_growing", image, seeds=[(30, 30), (100, 180)])
    twice = run("region_growing", image, seeds=[(30, 30), (100, 180), (30, 30)])
    assert np.array_equal(once.segmentation.labels, twice.segmentation.labels)
    assert [s.label for s in twice.segmentation.segments] == [1, 2]


@pytest.mark.parametrize("seed", [(20, 0), (0, 10), (19, 10)])
def test_seed_outside_is_refused(seed):
    image = np.zeros((10, 20, 3), np.uint8)
    with pytest.raises(SettingError, match="seeds must be points inside the image"):
        run("region_growing", image, seeds=[(0, 0), seed])


def test_64_seeds():
    image = data.coffee()
    seeds = [(40 + 70 * i, 30 + 45 * j) for i in range(8) for j in range(8)]
    done = run("region_growing", image, seeds=seeds, tolerance=10)
    assert [s.label for s in done.segmentation.segments] == list(range(1, 65))
    assert all(done.segmentation.labels[y, x] == i for i, (x, y) in enumerate(seeds, 1))
    with pytest.raises(SettingError, match="at most 64 points"):
        run("region_growing", image, seeds=[*seeds, (0, 0)])


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (1, 4), (4, 1), (2, 2), (1, 300), (300, 1)])
@pytest.mark.parametrize("criterion", ["seed", "mean", "neighbor"])
@pytest.mark.parametrize("space", ["gray", "lab"])
def test_thin_images(shape, criterion, space):
    ramp = np.resize(np.arange(0, 600, 2) % 200, shape).astype(np.uint8)
    settings = {"criterion": criterion, "space": space}
    whole = run("region_growing", rgb(ramp), seeds=[(0, 0)], tolerance=255, **settings)
    assert (whole.segmentation.labels == 1).all()
    for image in (rgb(ramp), np.full((*shape, 3), 200, np.uint8)):
        done = run("region_growing", image, tolerance=255, **settings)
        assert len(done.segmentation.segments) == 1
        assert (done.segmentation.labels == 1).all()


# Automatic seeds ---------------------------------------------------------------------------------


def test_every_patch_of_a_patchwork_gets_one_seed():
    tones = np.random.default_rng(4).permutation(np.arange(10, 250, 20)).reshape(3, 4)
    gray = np.kron(tones, np.ones((40, 50))).astype(np.uint8)
    done = run("region_growing", rgb(gray), tolerance=8, n_seeds=12)
    found = done.segmentation.labels
    assert len(done.segmentation.segments) == 12
    for row in range(3):
        for column in range(4):
            patch = found[40 * row : 40 * row + 40, 50 * column : 50 * column + 50]
            assert patch.min() == patch.max() > 0


def test_more_automatic_seeds_begin_with_the_same(gray):
    rule = GrowthRule("seed", 20, 8, ALL)
    many = automatic_seeds(gray, 30, rule, ignore)
    assert 1 <= len(many) <= 30
    assert len(set(many)) == len(many)
    for count in (1, 5, 12):
        assert automatic_seeds(gray, count, rule, ignore) == many[:count]


def test_automatic_seeds_stand_in_even_ground(gray):
    smooth = cv2.GaussianBlur(gray, (0, 0), 1.5).astype(np.float64)
    slope = np.hypot(
        ndimage.sobel(smooth, 0, mode="mirror"), ndimage.sobel(smooth, 1, mode="mirror")
    )
    slope = np.rint(slope.clip(0, 255)).astype(np.uint8)
    edges = np.pad(slope > cv2.threshold(slope, 0, 1, cv2.THRESH_OTSU)[0], 1, constant_values=True)
    room = ndimage.distance_transform_edt(~edges)[1:-1, 1:-1]
    seeds = automatic_seeds(gray, 12, GrowthRule("seed", 20, 8, ALL), ignore)
    at_seeds = [room[y, x] for x, y in seeds]
    assert at_seeds[0] > 0.95 * room.max()
    assert min(at_seeds) > 0
    # Each takes the largest disc that is left; OpenCV's distances are off by up to 2%.
    assert all(after < 1.05 * before for before, after in pairwise(at_seeds))


# Steps -------------------------------------------------------------------------------------------


def steps(image, **settings):
    return {step.title: step.picture for step in run("region_growing", image, **settings).steps}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"criterion": "mean", "space": "lab"},
        {"criterion": "neighbor", "tolerance": 3},
        {"seeds": [(180, 180)], "tolerance": 40},
        {"seeds": [(180, 180), (20, 20)], "tolerance": 20, "space": "lab"},
        {"seeds": [(180, 180)], "tolerance": 4, "criterion": "neighbor"},
        {"seeds": [(180, 180)], "tolerance": 0},
    ],
)
def test_frames_grow_up_to_the_result(settings):
    image = small(data.astronaut(), 256)
    done = run("region_growing", image, **settings)
    pictures = {step.title: step.picture for step in done.steps}
    frames = pictures["Growth"]
    assert isinstance(frames, Frames)
    assert len(frames.pictures) == len(frames.names) == len(set(frames.names))
    assert 1 <= len(frames.pictures) <= 10
    for before, after in pairwise(frames.pictures):
        assert np.array_equal(before[before > 0], after[before > 0])
        assert (after > 0).sum() > (before > 0).sum() or "seeds" in settings
    assert np.array_equal(frames.pictures[-1], done.segmentation.labels)
    assert np.array_equal(pictures["Regions"], done.segmentation.labels)


def test_frames_of_a_flood_are_floods():
    gray, seed = data.coins(), (30, 30)
    frames = steps(rgb(gray), seeds=[seed], tolerance=24)["Growth"]
    assert frames.names == tuple(f"tolerance {t}" for t in (3, 6, 9, 12, 15, 18, 21, 24))
    for tolerance, picture in zip(range(3, 25, 3), frames.pictures, strict=True):
        expected = segmentation.flood(gray, seed[::-1], tolerance=tolerance)
        assert np.array_equal(picture, expected)


def test_curves_end_at_the_result():
    gray = small(data.camera(), 128)
    done = run("region_growing", rgb(gray), criterion="mean")
    pictures = {step.title: step.picture for step in done.steps}
    found, sizes, means = (
        done.segmentation.labels,
        *(pictures[title] for title in ("Size of the regions", "Mean of the regions")),
    )
    assert isinstance(sizes, Curve)
    assert len(sizes.series) == len(means.series) == 10
    for size, mean in zip(sizes.series, means.series, strict=True):
        own = found == int(size.name.split()[1])
        assert size.y[0] == 1
        assert size.y[-1] == own.sum()
        assert mean.y[-1] == pytest.approx(gray[own].mean())


def test_histogram_counts_distances_to_the_most_similar_seed():
    gray = data.coins()
    pictures = steps(rgb(gray), seeds=[(30, 30), (200, 100)], tolerance=17)
    chart = pictures["Histogram"]
    assert isinstance(chart, Histogram)
    values = gray.astype(int)
    distance = np.minimum(abs(values - values[30, 30]), abs(values - values[100, 200]))
    assert np.array_equal(chart.counts, np.bincount(distance.ravel(), minlength=256))
    assert np.array_equal(pictures["Distance to the most similar seed"], distance)
    assert [marker.position for marker in chart.markers] == [17]


def test_growth_reports_progress_and_can_be_cancelled():
    class CancelledError(Exception):
        pass

    def cancel(fraction):
        assert 0 < fraction < 1
        raise CancelledError

    with pytest.raises(CancelledError):
        segment(data.coffee(), criterion="mean", show=Recorder(cancel))


# Lessons -----------------------------------------------------------------------------------------


def test_weak_edge_leaks():
    image, settings = SAMPLES["weak_edge"].load(), dict(TECHNIQUE.fails.settings)
    left, right = np.s_[160:180, 170:190], np.s_[160:180, 310:330]
    leaked = labels(image, **settings) > 0
    assert leaked[left].all()
    assert leaked[right].mean() > 0.95
    tight = labels(image, **settings | {"tolerance": 10}) > 0
    assert not tight[right].any()
    holes = measure.label(~tight, connectivity=1)
    assert holes.max() > 200
    assert labels(image, **settings | {"tolerance": 11})[right].mean() > 0.3


def test_neighbor_follows_shading_that_the_seed_value_loses():
    ramp = rgb(np.tile(np.arange(0, 250, 2, dtype=np.uint8), (30, 1)))
    assert labels(ramp, seeds=[(0, 0)], criterion="neighbor", tolerance=2).all()
    assert labels(ramp, seeds=[(0, 0)], criterion="seed", tolerance=2).mean() < 0.05


def test_presets_run_on_their_samples():
    for preset in (TECHNIQUE.fails, *TECHNIQUE.presets):
        done = run("region_growing", SAMPLES[preset.sample].load(), **preset.settings)
        assert 0.1 < (done.segmentation.labels > 0).mean() < 0.9
