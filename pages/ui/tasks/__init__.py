"""The page that puts classification, detection and segmentation of one image side by side."""
