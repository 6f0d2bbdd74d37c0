"""Damaged and hostile files, made of good ones: what is done to them is enumerated, not listed."""
