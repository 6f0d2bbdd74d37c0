"""A picture of the sky of one's own: the events of all public event lists of an archive, as a HiPS.

It asks a TAP service for its event lists as any anonymous user would, counts their events in HEALPix cells,
and has ``reproject`` make the tiles. It runs in the environment of the analysis jobs, beside the server.
"""
