"""The HTTP and WebSocket APIs: translation between the wire and a port, and nothing else.

In: requests, and the service through the Protocols of `ports`. Out: answers, events. Imported by `runtime` only.
"""
