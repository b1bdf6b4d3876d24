"""Semantic

Networks that give every pixel a class: six architectures, trained alike, and a look inside each.

Icon: hub  Group: Techniques  Order: 30
"""

from pages.ui.category import category_page

category_page("semantic")
