"""Panoptic

Every pixel gets its class, and every countable thing a number of its own: all at once.

Icon: dashboard  Group: Techniques  Order: 50
"""

from pages.ui.category import category_page

category_page("panoptic")
