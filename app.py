"""The home page: what the dashboard is, and every technique with a result of its own."""

from pages.ui.home import home_page

home_page()
