"""Where a bundle's executables start; the window's and the console's are the same but for Windows' console."""

import sys

from app.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
