"""Go's text/template with the Sprig functions that charts use, in Python.

`lexer` cuts a template into tokens, `parser` makes a tree of `nodes`, `evaluate` walks it. Functions live in the
`sprig_*` modules and `builtins`, each registered under its template name in `registry`.
"""
