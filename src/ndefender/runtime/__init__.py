"""The running service: process table, supervisor, restart policy, and the main loops of the children.

In: `Settings`. Out: an exit code, and whatever the front serves. May import every room; only `cli` may import it.
"""
