"""Instance

Networks that find every countable thing, and say which pixels are which one's.

Icon: filter_none  Group: Techniques  Order: 40
"""

from pages.ui.category import category_page

category_page("instance")
