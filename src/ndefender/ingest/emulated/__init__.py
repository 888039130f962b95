"""Peers for the feeds: an ESP32 panel on a pseudo-terminal, spoken to through the same code as the real one.

In: bytes of the host. Out: lines as the firmware writes them, marked as simulated. Imported by `cli`.
"""
