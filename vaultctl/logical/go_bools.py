"""The words that Go's strconv.ParseBool reads: flags, variables, queries and fields go by them, and by no others.

What an empty text means is the caller's matter.
"""

TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})
