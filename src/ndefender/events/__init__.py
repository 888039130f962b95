"""What the service says: the wire format, the event log, the bus.

In: `track.Change`. Out: encoded envelopes, in the log before they are on a socket. Imports base and `track`.
"""
