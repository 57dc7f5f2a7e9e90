"""Composition root: registers what wakes Tether, nothing else. Start reading at functions/reconcile.py."""

import logging
import os

import azure.functions as func

from functions.role import Role, role_of

# The SDK tells of every request at INFO; Tether tells of what it does with them.
logging.getLogger("azure").setLevel(logging.WARNING)

app = func.FunctionApp()

if role_of(os.environ) is Role.PRIVILEGED:
    from functions.triggers import privileged, timers, work

    app.register_functions(privileged.bp)
    app.register_functions(work.bp)
    app.register_functions(timers.watch_bp)
else:
    from functions.triggers import events, http, timers, work

    app.register_functions(events.bp)
    app.register_functions(work.bp)
    app.register_functions(timers.watch_bp)
    app.register_functions(timers.sweep_bp)
    app.register_functions(http.bp)
