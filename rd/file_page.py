"""The custom page of a collection's ``file`` service; DaCHS wants it as a module beside the RD."""

from datalink.page import MainPage

__all__ = ["MainPage"]
