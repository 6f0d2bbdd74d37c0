"""A second TAP service for tests of the explorer: DaCHS as it comes, with plain ObsCore."""
