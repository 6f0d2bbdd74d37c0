"""Bundles: the files of one or many runs as a tar archive that is made while it is sent."""
