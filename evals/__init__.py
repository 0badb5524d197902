"""Measured promises: a soak test that kills workers and a bench that brings its own baseline."""
