"""Which one should I use?

A few questions about your image end in ranked techniques with reasons, tried on it at once.

Icon: explore  Group: Compare  Order: 74
"""

from pages.ui.guide import guide_page

guide_page()
