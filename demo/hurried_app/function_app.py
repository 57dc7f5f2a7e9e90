"""Tether's own app, with a clock that the demo can hurry. `host.json` is Tether's own, too."""

import importlib.util
from pathlib import Path

from demo import hurried_clock

hurried_clock.take_over()

_path = Path(__file__).resolve().parents[2] / "function_app.py"
_spec = importlib.util.spec_from_file_location("tethers_function_app", _path)
assert _spec is not None
assert _spec.loader is not None
_tether = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_tether)

app = _tether.app
