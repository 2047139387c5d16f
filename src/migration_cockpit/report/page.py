"""A report as one HTML file: its style and charts are in it, nothing is loaded, nothing runs."""

from __future__ import annotations

from html import escape

from migration_cockpit.report import drawing
from migration_cockpit.report.document import Block, Chart, Commands, Document, Heading, Items, Plan, Table, Text

_GLYPHS = {"good": "✔", "careful": "▲", "bad": "✘"}

STYLE = """
:root { color-scheme: light dark; --ground: #ffffff; --text: #1b1f24; --dim: #59636e; --line: #d5dae0;
  --head: #f3f5f7; --good: #0072b2; --careful: #a85f00; --bad: #c03a00; --second: #8a5a00; --shade: #e9eff5; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171a; --text: #e6e9ec; --dim: #9aa4ae; --line: #343b42;
  --head: #1d2226; --good: #56b4e9; --careful: #e69f00; --bad: #ff7f50; --second: #e69f00; --shade: #20282f; } }
@media print { :root { color-scheme: light; --ground: #ffffff; --text: #000000; --dim: #444444; --line: #bbbbbb;
  --head: #eeeeee; --good: #0072b2; --careful: #a85f00; --bad: #c03a00; --second: #8a5a00; --shade: #eeeeee; }
  main { max-width: none !important; padding: 0 !important; } h2 { break-after: avoid; }
  tr, svg, pre { break-inside: avoid; } thead { display: table-header-group; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 1040px; margin: 0 auto; padding: 24px; }
h1 { font-size: 1.6em; line-height: 1.25; margin: 0 0 .6em; }
h2 { font-size: 1.15em; margin: 2em 0 .6em; padding-bottom: .2em; border-bottom: 1px solid var(--line); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92em; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .3em .7em .3em 0; border-bottom: 1px solid var(--line);
  overflow-wrap: anywhere; }
th { color: var(--dim); font-weight: 600; }
td.short { white-space: nowrap; overflow-wrap: normal; }
table.pairs td:first-child { color: var(--dim); width: 11em; }
tr.good td:first-child::before, tr.careful td:first-child::before, tr.bad td:first-child::before { margin-right: .4em; }
tr.good td:first-child::before { content: "✔"; color: var(--good); }
tr.careful td:first-child::before { content: "▲"; color: var(--careful); }
tr.bad td:first-child::before { content: "✘"; color: var(--bad); }
svg { display: block; width: 100%; height: auto; margin: .8em 0 1.2em; }
svg text { fill: var(--text); font-size: 12px; } svg text.axis { fill: var(--dim); font-size: 11px; }
svg text.name { font-weight: 600; }
.grid { stroke: var(--line); stroke-width: 1; }
.mark { stroke: var(--careful); stroke-width: 1; stroke-dasharray: 2 3; }
.level { fill: none; stroke: var(--dim); stroke-width: 1.2; stroke-dasharray: 6 4; } .shade { fill: var(--shade); }
polyline, .course-1, .course-2 { fill: none; stroke-width: 1.6; stroke-linejoin: round; }
.course-1 { stroke: var(--good); } .course-2 { stroke: var(--second); stroke-dasharray: 5 3; }
.plan { fill: none; stroke: var(--dim); } .flown { fill: var(--dim); } .flown.good { fill: var(--good); }
.flown.careful { fill: var(--careful); } .flown.bad { fill: var(--bad); }
pre { background: var(--head); padding: .6em .8em; font-size: .82em; white-space: pre-wrap; overflow-wrap: anywhere;
  margin: .2em 0 1em; } .title { color: var(--dim); margin: .8em 0 0; font-size: .92em; }
footer { margin-top: 3em; color: var(--dim); font-size: .88em; }
"""


def render(document: Document) -> str:
    """The whole page."""
    body = "\n".join(_block(each) for each in document.blocks)
    title = escape(document.title)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{body}\n"
        "<footer>Written from the session's journal by migration-cockpit. Times are UTC.</footer>\n"
        "</main>\n</body>\n</html>\n"
    )


def _block(block: Block) -> str:
    match block:
        case Heading(text):
            return f"<h2>{escape(text)}</h2>"
        case Text(text):
            return f"<p>{escape(text)}</p>"
        case Items(items):
            return "<ul>\n" + "\n".join(f"<li>{escape(item)}</li>" for item in items) + "\n</ul>"
        case Table():
            return _table(block)
        case Commands(title, commands):
            body = escape("\n".join(commands))
            return f'<p class="title">{escape(title)}</p>\n<pre>{body}</pre>'
        case Chart():
            return drawing.chart(block)
        case Plan():
            return drawing.plan(block)


SHORT = 20
"""Cells up to this many characters stand on one line."""


def _table(table: Table) -> str:
    pairs = not any(table.head)
    tones = table.tones or ("",) * len(table.rows)
    rows = []
    for cells, tone in zip(table.rows, tones, strict=True):
        kind = f' class="{tone}"' if tone in _GLYPHS else ""
        rows.append(f"<tr{kind}>" + "".join(_cell(cell, pairs=pairs) for cell in cells) + "</tr>")
    head = "" if pairs else "<thead><tr>" + "".join(f"<th>{escape(each)}</th>" for each in table.head) + "</tr></thead>"
    kind = ' class="pairs"' if pairs else ""
    return f'<div class="wide"><table{kind}>{head}\n<tbody>\n' + "\n".join(rows) + "\n</tbody></table></div>"


def _cell(text: str, *, pairs: bool) -> str:
    short = ' class="short"' if not pairs and len(text) <= SHORT else ""
    return f"<td{short}>{escape(text)}</td>"
