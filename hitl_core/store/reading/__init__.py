"""What leaves the database for people: listings row by row, and figures."""
