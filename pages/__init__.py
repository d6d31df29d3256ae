"""The pages of the app: they read widgets, call core and db, and draw (pages/parts/entry.py: how
a page that is opened first still runs inside app.py)."""
