"""What can go wrong with a template, worded as Go's text/template words it."""

from __future__ import annotations


class TemplateError(Exception):
    """A template cannot be parsed or executed; the text is the whole message, as helm prints it."""


class ParseError(TemplateError):
    """The text is not a template: `template: NAME:LINE: what is wrong`."""


class ExecError(TemplateError):
    """A template failed while it ran: `template: NAME:LINE:COL: executing "NAME" at <CODE>: what is wrong`."""


class FunctionError(TemplateError):
    """A template function refused its arguments; the caller adds the place."""


class WarnError(FunctionError):
    """Raised by `required` and `fail`: helm prints only this text, after the place of the outermost template."""
