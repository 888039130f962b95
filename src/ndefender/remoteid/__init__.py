"""Remote ID: who announces himself by radio (ASTM F3411-22a, ASD-STAN EN 4709-002).

In: captured frames, of a file or of a live adapter, and the time. Out: contacts with their lifecycle, as events of the
feed's log. Three floors, each on the one before: `odid` (bytes of a message to a value, and back), `frames` (what
carries them: Wi-Fi, Bluetooth, capture files), and the modules here (who is who, and for how long). Imports `events`
and base only. Imported by `runtime` and `cli`; the other rooms get the events, not this code.
"""
