"""Naive twins of the numba kernels: the same sums written the shortest way, as slow as they like."""
