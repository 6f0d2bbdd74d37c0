"""Tests of the explorer's server."""
