"""The recipes: what each network was trained on, for how long and with what. The only place."""

from dataclasses import dataclass
from types import MappingProxyType

from segcore.errors import SettingError
from segcore.training.augment import Augmentation

DRAWN = Augmentation(scale=(0.7, 2.0), untouched=0.3, light=0.15, colour=0.05, blur=0.1)
SEEN = Augmentation(scale=(0.75, 1.8), untouched=0.2, light=0.12, colour=0.04, blur=0.1)
STREET = Augmentation(scale=(0.7, 2.0), turn=4.0, light=0.35, colour=0.12, blur=0.1)
CLOSE = Augmentation(scale=(1.2, 2.8), untouched=0.1, light=0.15, colour=0.05, blur=0.1)
CELLS = Augmentation((0.8, 2.0), turn=45.0, quarter_turns=True, light=0.25, colour=0.2, blur=0.15)
PETS = Augmentation(scale=(0.7, 1.8), turn=15.0, light=0.4, colour=0.15, blur=0.1)


@dataclass(frozen=True)
class Recipe:
    """How some weights are made.

    Attributes:
        network: key of the technique that holds the network.
        data: key of the set in segcore.training.sets.
        steps: number of batches.
        restarts: batches of further cycles, in each of which the learning rate rises and falls
            again (warm restarts, Loshchilov & Hutter 2017); windows have their last size.
        start: weights to start from, such as unet_street; None starts from random numbers. Its own
            name goes on from the weights that lie there: their card keeps what was done before.
        batch: images per step.
        windows: (share of the steps, (width, height)) of the windows that are cut, in turn.
        learning_rate: greatest one; it rises over the first tenth and falls as a cosine.
        dice: weight of the Dice loss beside the cross entropy.
        augmentation: how much an image may change.
        seed: of the numbers that the network starts from, of the windows and of their order.
    """

    network: str
    data: str
    steps: int
    start: str | None = None
    batch: int = 8
    windows: tuple[tuple[float, tuple[int, int]], ...] = ((0.6, (192, 144)), (0.4, (256, 192)))
    learning_rate: float = 2e-3
    dice: float = 0.5
    augmentation: Augmentation = DRAWN
    seed: int = 1
    restarts: tuple[int, ...] = ()

    @property
    def total(self) -> int:
        """Batches of all cycles together."""
        return self.steps + sum(self.restarts)

    def place(self, step: int) -> tuple[int, float]:
        """The cycle that a step belongs to, from 0, and the share of it that is done."""
        for cycle, steps in enumerate((self.steps, *self.restarts)):
            if step < steps:
                return cycle, step / steps
            step -= steps
        return len(self.restarts), 1.0

    def window(self, step: int) -> tuple[int, int]:
        """(width, height) of the windows of a step."""
        cycle, done = self.place(step)
        for share, size in self.windows:
            if done < share and cycle == 0:
                return size
            done -= share
        return self.windows[-1][1]

    @property
    def name(self) -> str:
        """Name of the weights, such as unet_street."""
        return f"{self.network}_{self.data}"


NETWORKS = ("simple_cnn", "fcn", "unet", "segnet", "deeplab", "vit")

# All go on from weights that had learned from earlier versions of the drawings, with the same
# settings but for the steps: the smaller a network's gain per step, the fewer.
_streets = [
    Recipe(
        network,
        "street",
        steps,
        start=f"{network}_street",
        windows=((1.0, (256, 192)),),
        learning_rate=1.5e-3,
        dice=1.0,
        augmentation=SEEN,
    )
    for network, steps in (
        ("simple_cnn", 100),
        ("fcn", 600),
        ("unet", 1500),
        ("segnet", 700),
        ("deeplab", 700),
        ("vit", 800),
    )
]
_camvid = [
    Recipe(
        network,
        "camvid",
        300 if network in ("simple_cnn", "deeplab", "vit") else 600,
        start=f"{network}_street",
        windows=((1.0, (256, 192)),),
        learning_rate=1.5e-3,
        augmentation=STREET,
    )
    for network in NETWORKS
]
_others = [
    Recipe(
        "unet",
        "nuclei",
        9000,
        start="unet_nuclei",
        windows=((1.0, (192, 192)),),
        augmentation=CELLS,
    ),
    Recipe(
        "unet",
        "pets",
        700,
        start="unet_camvid",
        windows=((1.0, (192, 192)),),
        learning_rate=1.5e-3,
        augmentation=PETS,
    ),
]

_instances = [
    Recipe(
        "mask_rcnn",
        "street",
        2000,
        start="mask_rcnn_street",
        windows=((1.0, (256, 192)),),
        learning_rate=1.5e-3,
        augmentation=CLOSE,
    ),
    Recipe(
        "mask_rcnn",
        "nuclei",
        1200,
        start="mask_rcnn_nuclei",
        windows=((1.0, (192, 192)),),
        learning_rate=1.5e-3,
        augmentation=CELLS,
    ),
    Recipe(
        "mask_rcnn",
        "pets",
        700,
        start="mask_rcnn_pets",
        windows=((1.0, (224, 192)),),
        learning_rate=1.5e-3,
        augmentation=PETS,
    ),
]

_classifiers = [
    Recipe(
        "pooled_cnn",
        "street",
        1200,
        start="unet_street",
        batch=16,
        windows=((0.5, (192, 144)), (0.5, (256, 192))),
    ),
    Recipe(
        "pooled_cnn",
        "pets",
        500,
        start="unet_pets",
        batch=16,
        windows=((1.0, (192, 192)),),
        learning_rate=1e-3,
        augmentation=PETS,
    ),
]

RECIPES = MappingProxyType(
    {recipe.name: recipe for recipe in (*_streets, *_camvid, *_others, *_instances, *_classifiers)}
)
"""Name of the weights -> recipe, in the order in which they are to be trained."""


def get_recipe(name: str) -> Recipe:
    """The recipe of some weights.

    Raises:
        SettingError: there is none.
    """
    if name not in RECIPES:
        raise SettingError("The weights", "one of " + ", ".join(RECIPES), name)
    return RECIPES[name]
