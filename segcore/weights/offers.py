"""Weights that others publish, whoever they are: torchvision, or an owner on the Hub."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

from segcore.weights.download import Source, list_kept
from segcore.weights.hub import HubWeights, describe_hub, hub_cache, is_hub, say_not_installed
from segcore.weights.pretrained import Pretrained, describe, hub_folder

Offer: TypeAlias = Pretrained | HubWeights


def describe_offer(name: str) -> Offer:
    """What is known of published weights.

    Raises:
        WeightsError: torchvision has none of this name.
    """
    return describe_hub(name) if is_hub(name) else describe(name)


def source_of(offer: Offer) -> Source:
    """What the button of an offer fetches; both publishers share one disk budget."""
    if isinstance(offer, HubWeights):
        return replace(offer.source, counted=(hub_cache(), hub_folder()))
    counted = () if say_not_installed() else (hub_cache(),)
    return Source(offer.url, offer.target, offer.digits, offer.n_bytes, counted=counted)


def count_kept() -> int:
    """Bytes that all downloads take together."""
    folders = [hub_folder()] if say_not_installed() else [hub_folder(), hub_cache()]
    return sum(kept.n_bytes for folder in folders for kept in list_kept(folder))
