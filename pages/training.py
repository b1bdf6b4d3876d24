"""Train a network

Pick a network, a task and a learning rate, press start, and watch it learn within seconds.

Icon: model_training  Group: Networks  Order: 60
"""

from pages.ui.live import live_page

live_page()
