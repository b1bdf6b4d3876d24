"""What a task is: one of the two neighbours of segmentation, described as a technique is.

    def classify(image: Image, *,
                 weights: Annotated[str, Choice("street", "pets"), "What it learned."] = "street",
                 show: Show = ignore,
                 load_model: LoadModel = load_network) -> Classification: ...

    TASK = Task("CNN with global average pooling", year=2013, answer=classify, ...)

Settings, article, steps and collaborators follow the rules of segcore.technique.
"""

from collections.abc import Callable
from dataclasses import dataclass

from segcore.result import Classification, Detections
from segcore.technique import Architecture, Method, Preset


@dataclass(frozen=True)
class Task(Method):
    """A network that says what an image shows, or where its objects are.

    Attributes:
        title: name in the standard terms of the field.
        year: year of the publication that it goes back to.
        answer: function from an image (uint8 RGB H×W×3) and settings to what it found.
        fails: settings and a sample on which it fails, as its article explains.
        network: the architecture.
        weights: what the names of its weights begin with, where they are those of another network.
        presets: named settings.
        sample: the sample that shows it at its best.
    """

    title: str
    year: int
    answer: Callable[..., Classification | Detections]
    fails: Preset
    network: Architecture
    weights: str = ""
    presets: tuple[Preset, ...] = ()
    sample: str = "street"

    @property
    def function(self) -> Callable[..., Classification | Detections]:
        return self.answer

    def weights_name(self, chosen: str) -> str:
        """Name of the weights for one choice of `weights`, such as mask_rcnn_street."""
        return f"{self.weights or self.key}_{chosen}"
