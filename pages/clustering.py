"""Clustering

Pixels as points: K-Means, Fuzzy C-Means, mean shift, Gaussian mixtures, superpixels and graphs.

Icon: scatter_plot  Group: Techniques  Order: 20
"""

from pages.ui.category import category_page

category_page("clustering")
