import warnings
from typing import Any

import cv2
import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from segcore import run
from segcore.charts import Curve, Frames, Scatter
from segcore.images import fit
from segcore.ops.feature_space import WeightedPoints, distinct_points
from segcore.result import Image, Labels
from segcore.run import study
from segcore.samples import get_sample
from segcore.technique import Recorder, ignore
from segcore.techniques.clustering.gaussian_mixture import (
    TECHNIQUE,
    FitRules,
    Mixture,
    MixtureFit,
    all_colors,
    color_moments,
    draw_together,
    em_iteration,
    entropy,
    expect_all,
    fit_mixture,
    kmeans_starts,
    start_mixture,
)
from tests.segcore.techniques.clustering.planted import accuracy, planted

PHOTOGRAPHS = ["coffee", "chelsea", "astronaut", "rocket", "immunohistochemistry", "retina"]
RULES = FitRules("full", 1.0, 100, 0.0005)
BIC = TECHNIQUE.studies[0].title


def segment(image: Image, **settings: Any) -> Labels:
    return run("gaussian_mixture", image, show=ignore, **settings).segmentation.labels


def steps(image: Image, **settings: Any) -> dict[str, Any]:
    return {step.title: step.picture for step in run("gaussian_mixture", image, **settings).steps}


def photograph(name: str, side: int) -> Image:
    return fit(get_sample(name).load(), side)


def fitted(image: Image, k: int, rules: FitRules = RULES) -> tuple[WeightedPoints, MixtureFit]:
    colors = distinct_points(image, "rgb")
    return colors, fit_mixture(colors, kmeans_starts(image, "rgb", k, 3, 0), rules, ignore)


def mean_log_likelihood(colors: WeightedPoints, mixture: Mixture) -> float:
    return em_iteration(all_colors(colors), mixture, RULES)[1]


def to_sklearn(mixture: Mixture, covariance_type: str) -> GaussianMixture:
    """scikit-learn's estimator, as if it had been fitted to this mixture."""
    model = GaussianMixture(len(mixture.weights), covariance_type=covariance_type)
    model.weights_, model.means_ = mixture.weights, mixture.means
    model.covariances_ = mixture.covariances
    model.precisions_cholesky_ = np.linalg.cholesky(np.linalg.inv(mixture.covariances))
    if covariance_type == "diag":
        model.covariances_ = np.diagonal(mixture.covariances, axis1=1, axis2=2)
        model.precisions_cholesky_ = 1 / np.sqrt(model.covariances_)
    return model


@pytest.mark.parametrize("seed", range(20))
def test_four_planted_colours_are_four_clusters(seed):
    image, truth = planted(seed)
    labels = segment(image, n_clusters=4, seed=seed)
    assert np.array_equal(np.unique(labels), [1, 2, 3, 4])
    assert accuracy(labels, truth) >= 0.99


@pytest.mark.parametrize(
    "settings", [{"space": "lab"}, {"space": "hsv"}, {"covariance_type": "diag"}]
)
def test_planted_colours_with_other_settings(settings):
    image, truth = planted(3)
    assert accuracy(segment(image, n_clusters=4, **settings), truth) >= 0.99


def test_clusters_of_different_width_are_told_apart():
    # One broad and one narrow cloud with centres 30 apart: K-Means would cut half-way.
    rng = np.random.default_rng(0)
    truth = np.repeat([[1, 2]], 100, axis=0).repeat(50, axis=1)
    spread = np.where(truth == 1, 24, 3)[..., None]
    mean = np.where(truth == 1, 110, 140)[..., None]
    image = np.rint(rng.normal(mean, spread, (100, 100, 3))).clip(0, 255).astype(np.uint8)
    assert accuracy(segment(image, n_clusters=2), truth) > 0.98


# Against scikit-learn ----------------------------------------------------------------------------


@pytest.mark.parametrize("covariance_type", ["full", "diag"])
def test_iterations_are_those_of_scikit_learn(covariance_type):
    image = photograph("coffee", 64)
    colors = distinct_points(image, "rgb")
    rules = FitRules(covariance_type, 1.0, 100, 0.0)
    (centers,) = kmeans_starts(image, "rgb", 4, 1, 0)
    cells = color_moments(colors.points), colors.counts.astype(float)
    start = mixture = start_mixture(cells, centers, rules)
    for _ in range(10):
        mixture, log_likelihood = em_iteration(all_colors(colors), mixture, rules)

    precisions = np.linalg.inv(start.covariances)
    if covariance_type == "diag":
        precisions = np.diagonal(precisions, axis1=1, axis2=2)
    model = GaussianMixture(
        4,
        covariance_type=covariance_type,
        reg_covar=1.0,
        max_iter=10,
        tol=0.0,
        weights_init=start.weights,
        means_init=start.means,
        precisions_init=precisions,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # ten iterations are what is wanted
        model.fit(image.reshape(-1, 3).astype(float))
    assert np.allclose(mixture.weights, model.weights_, atol=1e-6)
    assert np.allclose(mixture.means, model.means_, atol=1e-4)
    covariances = mixture.covariances
    if covariance_type == "diag":
        assert not (covariances * (1 - np.eye(3))).any()
        covariances = np.diagonal(covariances, axis1=1, axis2=2)
    assert np.allclose(covariances, model.covariances_, rtol=1e-4, atol=1e-3)
    assert log_likelihood == pytest.approx(model.lower_bound_, abs=1e-6)


@pytest.mark.parametrize("covariance_type", ["full", "diag"])
@pytest.mark.parametrize("k", [2, 4, 6])
@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_log_likelihood_reaches_that_of_scikit_learn(name, k, covariance_type):
    image = photograph(name, 128)
    rules = RULES._replace(covariance_type=covariance_type)
    colors, found = fitted(image, k, rules)
    points = image.reshape(-1, 3).astype(float)
    model = GaussianMixture(k, covariance_type=covariance_type, reg_covar=1.0, random_state=0)
    theirs = model.fit(points).score(points)
    ours = to_sklearn(found.mixtures[-1], covariance_type).score(points)
    assert ours == pytest.approx(mean_log_likelihood(colors, found.mixtures[-1]), abs=1e-5)
    assert ours >= theirs - 0.01 * abs(theirs)


def test_responsibilities_are_posterior_probabilities():
    colors, found = fitted(photograph("coffee", 64), 3)
    mixture = found.mixtures[-1]
    joint = np.stack(
        [w * multivariate_normal(m, c).pdf(colors.points) for w, m, c in zip(*mixture, strict=True)]
    )
    assert np.allclose(expect_all(colors.points, mixture), joint / joint.sum(axis=0), atol=1e-5)


def test_bic_is_that_of_scikit_learn_and_finds_four_planted_colours():
    # Far from black and white: where the noise is clipped, nothing is normally distributed.
    colors = np.array([[60, 60, 60], [60, 180, 70], [190, 70, 180], [190, 190, 90]])
    truth = np.indices((80, 100)).sum(axis=0) // 45
    noise = np.random.default_rng(0).normal(0, 8, (80, 100, 3))
    image = np.rint(colors[truth] + noise).astype(np.uint8)
    said: list[float] = []
    answer = study("gaussian_mixture", BIC, image, show=Recorder(said.append))
    chart = answer.steps[0].picture
    assert chart.series[0].x.tolist() == list(range(1, 11))
    assert chart.markers[0].label == "least at 4"
    assert len(said) > 20
    assert said == sorted(said)
    _, found = fitted(image, 4)
    points = image.reshape(-1, 3).astype(float)
    expected = to_sklearn(found.mixtures[-1], "full").bic(points) / len(points)
    assert chart.series[0].y[3] == pytest.approx(expected, abs=1e-5)


# The course of EM --------------------------------------------------------------------------------


def test_cells_give_a_lower_bound_that_rises():
    colors, found = fitted(photograph("chelsea", 200), 5, RULES._replace(reg_covar=0.0))
    assert 1 < found.n_coarse < len(found.log_likelihoods)
    coarse = np.array(found.log_likelihoods[: found.n_coarse])
    fine = np.array(found.log_likelihoods[found.n_coarse :])
    assert (np.diff(coarse) > -1e-9).all()
    assert (np.diff(fine) > -1e-9).all()
    exact = [mean_log_likelihood(colors, mixture) for mixture in found.mixtures[: found.n_coarse]]
    assert (coarse <= np.array(exact) + 1e-9).all()
    assert np.abs(coarse - exact).max() < 0.1


def test_cells_keep_the_moments_of_all_pixels():
    image = photograph("coffee", 128)
    colors = distinct_points(image, "rgb")
    moments, pixels = draw_together(colors)
    assert len(pixels) < len(colors.counts) / 2
    assert pixels.sum() == image[..., 0].size
    points = image.reshape(-1, 3).astype(float)
    mean = (moments @ pixels / pixels.sum())[1:]
    assert np.allclose(mean[:3], points.mean(axis=0))
    assert np.allclose(mean[3:6], (points**2).mean(axis=0))
    mixed = points * points[:, [1, 2, 0]]  # rg, gb, br
    assert np.allclose(mean[[6, 8, 7]], mixed.mean(axis=0))


def test_more_starts_are_never_worse():
    image = photograph("stereo_motorcycle", 128)
    colors = distinct_points(image, "rgb")
    rules = RULES._replace(covariance_type="diag")
    reached = []
    for n_init in (1, 6):
        starts = kmeans_starts(image, "rgb", 4, n_init, 0)
        mixture = fit_mixture(colors, starts, rules, ignore).mixtures[-1]
        reached.append(mean_log_likelihood(colors, mixture))
    assert reached[1] >= reached[0] - 1e-3
    assert reached[1] > reached[0] + 0.05  # on this photograph, they are needed


def test_max_iter_counts_all_iterations():
    image = photograph("coffee", 64)
    for most in (1, 2, 7):
        _, found = fitted(image, 4, RULES._replace(max_iter=most, tol=0.0001))
        assert len(found.log_likelihoods) <= most
        assert len(found.log_likelihoods) > found.n_coarse  # the last sees every colour


# Degenerate pictures -----------------------------------------------------------------------------


@pytest.mark.parametrize("reg_covar", [0.0, 1.0])
@pytest.mark.parametrize("covariance_type", ["full", "diag"])
def test_singular_covariances(reg_covar, covariance_type):
    settings = {"reg_covar": reg_covar, "covariance_type": covariance_type, "n_clusters": 4}
    constant = np.full((9, 7, 3), 77, np.uint8)
    assert (segment(constant, **settings) == 1).all()
    stripes = np.repeat(np.uint8([[[250, 0, 0], [0, 0, 0], [10, 10, 200]]]), 8, axis=0)
    assert (segment(stripes, **settings) == [[3, 1, 2]]).all()  # three colours, four asked for
    gray = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    labels = segment(gray, **settings)
    assert np.array_equal(np.unique(labels), [1, 2, 3, 4])
    for step in run("gaussian_mixture", gray, **settings).steps:
        if isinstance(step.picture, np.ndarray):
            assert np.isfinite(step.picture).all()


def test_a_component_on_one_colour_needs_the_regularisation():
    image = photograph("astronaut", 128)  # its black is saturated
    widths = []
    for reg_covar in (0.0, 1.0):
        _, found = fitted(image, 4, RULES._replace(reg_covar=reg_covar))
        widths.append(np.linalg.eigvalsh(found.mixtures[-1].covariances).min())
    assert widths[0] < 0.1
    assert widths[1] >= 1 - 1e-6


# What a person sees ------------------------------------------------------------------------------


def test_steps():
    image = photograph("coffee", 100)
    found = steps(image, n_clusters=3)
    frames, maps, doubt = found["Iterations"], found["Responsibilities"], found["Doubt"]
    assert isinstance(frames, Frames)
    assert frames.names[:3] == ("start", "iteration 1", "iteration 2")
    assert maps.names == ("component 1", "component 2", "component 3")
    total = sum(grey.astype(int) for grey in maps.pictures)
    assert np.abs(total - 255).max() <= 2
    best = np.argmax(maps.pictures, axis=0) + 1
    assert np.mean(best == found["Clusters"]) > 0.99  # equal greys aside
    assert 0 <= doubt.min() < 0.01
    assert 0.5 < doubt.max() <= np.log2(3) + 1e-6
    curve, cloud = found["Log-likelihood"], found["Ellipsoids"]
    assert isinstance(curve, Curve)
    assert isinstance(cloud, Scatter)
    assert cloud.ellipsoids.shape == (3, 3, 3)
    assert cloud.paths.shape == (len(curve.series[0].x) + 1, 3, 3)
    assert np.array_equal(cloud.paths[-1], cloud.centers)


def test_entropy_is_in_bits():
    rows = np.float32([[1, 0.25, 0.5], [0, 0.25, 0.5], [0, 0.25, 0], [0, 0.25, 0]])
    assert np.allclose(entropy(rows), [0, 2, 1], atol=1e-6)


@pytest.mark.parametrize("space", ["rgb", "lab", "hsv"])
def test_labels_go_from_dark_to_bright(space):
    image = photograph("coffee", 100)
    centers = steps(image, space=space)["Ellipsoids"].center_colors
    gray = cv2.cvtColor(centers[None], cv2.COLOR_RGB2GRAY)[0]
    assert (np.diff(gray.astype(int)) >= 0).all()


def test_same_seed_same_labels_and_a_run_can_be_cancelled():
    image = photograph("coffee", 100)
    assert np.array_equal(segment(image, seed=5), segment(image, seed=5))
    said: list[float] = []
    run("gaussian_mixture", image, show=Recorder(said.append))
    assert len(said) > 10
    assert said == sorted(said)

    def cancel(fraction):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        run("gaussian_mixture", image, show=Recorder(cancel))


def test_it_fails_as_its_article_says():
    image = get_sample("retina").load()
    labels = segment(image, **TECHNIQUE.fails.settings)
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    vessel, fovea, disc, ground = (1227, 732), (705, 710), (650, 240), (1000, 800)  # row, column
    assert labels[vessel] == labels[fovea] == labels[disc] != labels[ground]
    assert max(gray[vessel], gray[fovea]) < gray[ground] < gray[disc]
