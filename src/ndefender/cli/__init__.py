"""The command line. In: arguments. Out: calls into `runtime` and the tools of other rooms, one small file a command.

A command's file is imported only when that command is asked for. Nothing imports this room.
"""
