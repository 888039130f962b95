"""The aggregator's picture: sections, unified contacts, labels. Pure; time is an argument.

In: events of every feed. Out: the snapshot, and the events that change it. Imported by `runtime` only.
"""
