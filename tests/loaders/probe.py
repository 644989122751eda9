"""Opens the paths given on stdin, one JSON list, in a process of limited memory; prints what became of each."""

import json
import resource
import sys
import time
from typing import Any

GIB = 1 << 30


def probe(path: str) -> dict[str, Any]:
    from app import volume_io
    from app.errors import AppError

    start = time.monotonic()
    row: dict[str, Any] = {"path": path}
    try:
        volume = volume_io.read_volume(path)
        row |= {"opens": True, "shape": volume.shape, "notes": volume.notes}
    except AppError as error:
        row |= {"opens": False, "message": error.message, "hint": error.hint}
    except BaseException as error:  # the test says which file brought it down
        row |= {"opens": False, "crash": repr(error)}
    return row | {"seconds": time.monotonic() - start}


def main() -> None:
    from app.volume_io import labels, reader  # noqa: F401 - loaded before the limit is measured

    paths = json.load(sys.stdin)
    with open("/proc/self/statm") as file:  # noqa: PTH123 - a name of the kernel
        idle = int(file.read().split()[0]) * resource.getpagesize()
    # Address space over idle: threads reserve 72 MB each without using it, 4 of them decode
    resource.setrlimit(resource.RLIMIT_AS, (idle + GIB + GIB // 2, -1))
    print(json.dumps([probe(path) for path in paths]))


if __name__ == "__main__":
    main()
