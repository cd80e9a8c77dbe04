"""Each effect as SQL: what a decision asked for, done inside a transaction that is already open.

A function here may raise StaleState, AlreadyExists, AlreadySpent, NotFound or sqlite3.Error; it
never commits.
The SQL keeps to what PostgreSQL says alike (but for the spelling of parameters, `?1` for `$1`).
"""
