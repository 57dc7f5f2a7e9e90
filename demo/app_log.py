"""The app's log in a file, so that what a person looks at stays readable."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def app_log(path: Path) -> Iterator[None]:
    """Everything that would go to stderr goes to `path`: the app's worker inherits it."""
    path.parent.mkdir(exist_ok=True)
    kept = os.dup(2)
    with path.open("w") as log:
        os.dup2(log.fileno(), 2)
        handler = logging.StreamHandler(log)
        logging.getLogger().addHandler(handler)
        try:
            yield
        finally:
            logging.getLogger().removeHandler(handler)
            os.dup2(kept, 2)
            os.close(kept)
