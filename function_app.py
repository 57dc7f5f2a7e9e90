"""Composition root: registers what wakes Tether, nothing else. Start reading at functions/reconcile.py."""

import azure.functions as func

from functions.triggers import events, work

app = func.FunctionApp()
app.register_functions(events.bp)
app.register_functions(work.bp)
