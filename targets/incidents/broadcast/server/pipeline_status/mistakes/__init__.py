"""Mistakes of ours, for what the story did not break: so that their cells have been seen red.

`STATUS_MISTAKES` says which; a server that makes none of them never comes here.
"""

ABSENCES, LIVE_SET = "absences", "live-set"
NAMES = (ABSENCES, LIVE_SET)
