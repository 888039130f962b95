"""Shared memory between processes: rings, a work queue, a board of beats and counters, a ledger that survives kill -9.

One writer each, readers with their own cursor, loss counted, never torn. In: dtype'd payloads. May import: base only.
"""
