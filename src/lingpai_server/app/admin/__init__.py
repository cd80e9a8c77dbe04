"""What an operator does: users, clients, APIs, roles. Refuses to know who asks and how it is shown."""
