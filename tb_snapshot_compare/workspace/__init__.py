"""The only module that joins the stages: what the page, the command line and Python call.

What is here is listed in `__init__.pyi` and loaded when it is first asked for: a command that
compares two files loads nothing of trainings and probe images.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
