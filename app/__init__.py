"""The review app (Streamlit); start it with `python -m app` or `hitl up`."""
