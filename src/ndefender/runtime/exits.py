"""Exit codes of the service and of its children, after sysexits.h."""

from __future__ import annotations

EXIT_OK = 0
EXIT_GAVE_UP = 70  # EX_SOFTWARE: a process kept dying; systemd decides what next
EXIT_BUSY = 75  # EX_TEMPFAIL: another service holds the state folder
EXIT_CONFIG = 78  # EX_CONFIG: nothing that a restart would cure
EXIT_FINISHED = 10  # a child's way to say that there is nothing left to do (a recording ended)
EXIT_ORPHANED = 11  # the parent was gone before the child could ask to die with it
EXIT_FAILED = 1  # an unexpected error, logged with its traceback
