"""Where the records rest: the storage port on real engines. Refuses to know any protocol rule."""
