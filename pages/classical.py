"""Classical

Thresholds, edges, regions, watershed, colour and texture: rules that a person can write down.

Icon: tune  Group: Techniques  Order: 10
"""

from pages.ui.category import category_page

category_page("classical")
