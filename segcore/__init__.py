"""segcore: the segmentation engine behind the dashboard. It knows no user interface.

TECHNIQUES   every technique by its key
run          runs one on an image: segmentation, steps, seconds
TASKS        the two neighbours of segmentation: what is to be seen, and where
classify     says what an image shows
detect       finds the objects of an image and the boxes around them
snippet      the same run as a script that stands alone
read_image   bytes of a file -> image
"""

from segcore.catalog import TASKS, TECHNIQUES
from segcore.errors import ImageError, MetricError, SegcoreError, SettingError, WeightsError
from segcore.images import read_image
from segcore.run import classify, detect, run
from segcore.snippet import snippet

__all__ = [
    "TASKS",
    "TECHNIQUES",
    "ImageError",
    "MetricError",
    "SegcoreError",
    "SettingError",
    "WeightsError",
    "classify",
    "detect",
    "read_image",
    "run",
    "snippet",
]
