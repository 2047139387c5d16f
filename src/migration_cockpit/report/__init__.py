"""The report of a session: folded from its journal alone, in one pass, written as a page or as Markdown."""
