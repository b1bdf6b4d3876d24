"""Three types of segmentation

Semantic, instance, panoptic: one image, three networks, three questions, side by side.

Icon: view_week  Group: Networks  Order: 54
"""

from pages.ui.types import types_page

types_page()
