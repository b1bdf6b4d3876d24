"""Six models

U-Net, FCN, SegNet, DeepLab, Mask R-CNN and a vision transformer: what each is for, and its weights.

Icon: schema  Group: Networks  Order: 56
"""

from pages.ui.six_models import six_models_page

six_models_page()
