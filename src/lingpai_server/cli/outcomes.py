"""What a change means for tokens that are out already, one line each. Decides nothing.

Verifiers that follow the status stream hear of it within milliseconds; all others within the bound
of their own policy.
"""

from __future__ import annotations

STALE = "tokens that say otherwise are stale now: clients refresh by themselves, nobody logs in"
SUSPENDED = "their tokens are suspended at once; sessions stay, and nothing is refreshed meanwhile"
UNSUSPENDED = "sessions go on; tokens from before are stale, and clients refresh by themselves"
ENDED = "their tokens are refused at once and for good: whoever comes back has to log in"
