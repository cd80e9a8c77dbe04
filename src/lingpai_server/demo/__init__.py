"""Two services that trust the issuer: what a reader may copy, and what `lingpai demo` starts.

They run as processes of their own and share nothing with the issuer but its URL.
"""
