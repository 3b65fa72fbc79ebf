"""``python -m lingualift_training``."""

import sys

from .cli import main

sys.exit(main())
