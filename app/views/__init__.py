"""One page a file; `app/main.py` lists them."""
