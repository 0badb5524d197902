"""One file per foreign format or tool; what comes in becomes an Item, what goes out a file."""
