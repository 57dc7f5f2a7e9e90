"""What people and programs may ask of Tether over HTTP. Imported at the first request, never for an event."""
