"""What an operator does: users, clients, APIs, roles. Refuses to know how it is asked or shown."""
