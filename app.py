"""The home page: what the dashboard is, and every technique with a result of its own.

The server imports this file for its addresses; Streamlit runs it as the script of the home page.
"""

if __name__ == "__main__":
    from pages.ui.home import home_page

    home_page()
else:
    from streamlit.starlette import App

    from pages.ui.previews import routes

    app = App(__file__, routes=routes())
