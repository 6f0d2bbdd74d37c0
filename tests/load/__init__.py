"""Clients that use an instance as the world does, and check all that they get."""
