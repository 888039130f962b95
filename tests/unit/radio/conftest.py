"""Puts this folder on the path: tests below it import `tone` and `sources`."""
