"""Floors, peers and ftops measured side by side: `make bench`."""
