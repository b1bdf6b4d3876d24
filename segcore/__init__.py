"""segcore: the segmentation engine behind the dashboard. It knows no user interface.

TECHNIQUES   every technique by its key
run          runs one on an image: segmentation, steps, seconds
snippet      the same run as a script that stands alone
read_image   bytes of a file -> image
"""

from segcore.catalog import TECHNIQUES
from segcore.errors import ImageError, MetricError, SegcoreError, SettingError, WeightsError
from segcore.images import read_image
from segcore.run import run
from segcore.snippet import snippet

__all__ = [
    "TECHNIQUES",
    "ImageError",
    "MetricError",
    "SegcoreError",
    "SettingError",
    "WeightsError",
    "read_image",
    "run",
    "snippet",
]
