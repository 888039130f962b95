"""Samples in: sources (AntSDR, recordings, simulated scenes), hop plan, wrappers.

In: attributes and I/Q of a device. Out: int16 blocks with their metadata. Imports the base files only.
"""
