"""Shims: what DaCHS should do differently, done here until it does.

Each module replaces one thing in DaCHS for which there is no extension point, says in its docstring
what DaCHS should change to make it superfluous, and knows by a digest the source that it replaces.
If DaCHS has another source, the shim stays away, and says so in the log. All of them are switched off
by ``CHERENKOV_VO_FAST_PATHS=no``.
"""
