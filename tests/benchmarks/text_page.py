"""The least that a Streamlit page can do: a slider, and its value as text. See keypress.py."""

import streamlit as st

st.write(f"value {st.slider('Level', 0, 255, 127)}")
