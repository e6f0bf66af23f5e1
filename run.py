"""The command line: `python run.py --help`."""

import sys

from realtime.cli import main

if __name__ == "__main__":
    sys.exit(main())
