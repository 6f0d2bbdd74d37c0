"""The custom page of the ``page`` services; DaCHS wants it as a module beside the RD."""

from datalink.links_page import MainPage

__all__ = ["MainPage"]
