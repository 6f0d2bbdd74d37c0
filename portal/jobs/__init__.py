"""Preview jobs: Gammapy on a bundle of event lists, as an IVOA UWS service."""
