"""``python -m instance``: the command line, inside the virtual environment."""

import sys

from instance.cli import main

sys.exit(main())
