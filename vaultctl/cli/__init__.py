"""The command line. The folder tree below `commands` is the command tree."""
