"""Comparison

Two to nine techniques on one image: synchronised pictures, scores, one setting swept, a report.

Icon: compare  Group: Compare  Order: 70
"""

from pages.ui.comparison.page import comparison_page

comparison_page()
