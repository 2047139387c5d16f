"""The site out of docs/: `make site`."""

project = "Migration Cockpit"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "Migration Cockpit"
exclude_patterns = ["_build"]
myst_heading_anchors = 3
# Links out of docs/, to the README say, lead into the repository and not onto the site.
suppress_warnings = ["myst.xref_missing"]
