"""A weighted panel: what several judges say together, by how often each was right."""
