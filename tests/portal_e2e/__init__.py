"""The explorer in a browser, with an instance, a TAP service with plain ObsCore, and a login provider."""
