"""The site: Sphinx reads the Markdown of this folder. `make site` builds it offline; a warning is an error.

With TAXOLOSS_DOCS_ONLINE=1 the names of Python, numpy and torch are links to their own sites.
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import taxoloss  # noqa: E402

warnings.filterwarnings("ignore", category=FutureWarning, module="torch.jit")  # what fastai imports

project = "taxoloss"
author = "the authors of taxoloss"
project_copyright = f"{author}, MIT licence"
version = release = taxoloss.__version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "builder.markdown",
    "builder.api",
    "builder.commands",
    "builder.docstrings",
]
exclude_patterns = ["_build"]

# As on GitHub: a heading's anchor is its text, so links to it work there too.
myst_heading_anchors = 4
myst_enable_extensions = ["deflist"]
# Texts that are shown because they are wrong YAML or Python.
suppress_warnings = ["misc.highlighting_failure"]

autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
napoleon_custom_sections = ["Shape"]
python_maximum_signature_line_length = 80
toc_object_entries_show_parents = "hide"
# A name in `...` is a link where it is one of ours, and text elsewhere.
default_role = "py:obj"

if os.environ.get("TAXOLOSS_DOCS_ONLINE"):
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "torch": ("https://docs.pytorch.org/docs/stable", None),
    }

html_theme = "pydata_sphinx_theme"
html_title = "taxoloss"
html_favicon = "_static/icon.svg"
html_static_path = ["_static"]
html_css_files = ["taxoloss.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navbar_align": "left",
    "navbar_persistent": [],
    "navbar_end": ["search-button-field", "theme-switcher"],
    "header_links_before_dropdown": 6,
    "show_toc_level": 2,
    "navigation_depth": 3,
    "show_nav_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_context = {"default_mode": "auto"}
