"""The custom page of the service ``bundle``; DaCHS wants it as a module beside the RD."""

from datalink.bundles.page import MainPage

__all__ = ["MainPage"]
