"""`python -m feeds`."""

import sys

from feeds.main import main

sys.exit(main())
