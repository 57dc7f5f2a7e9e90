"""Composition root: registers what wakes Tether, nothing else. Start reading at functions/reconcile.py."""

import logging

import azure.functions as func

from functions.triggers import events, http, timers, work

# The SDK tells of every request at INFO; Tether tells of what it does with them.
logging.getLogger("azure").setLevel(logging.WARNING)

app = func.FunctionApp()
app.register_functions(events.bp)
app.register_functions(work.bp)
app.register_functions(timers.bp)
app.register_functions(http.bp)
