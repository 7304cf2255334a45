"""The frame of our few HTML pages: one style sheet inline, no scripts, nothing fetched from anywhere."""

import html

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b2733;background:#fff}
h1{font-size:1.6rem;margin:.2rem 0 1rem}
h2{font-size:1.15rem;margin:1.6rem 0 .4rem}
a{color:#0b5cad}
code,pre{font:14px/1.45 ui-monospace,monospace;background:#eef2f6;border-radius:4px;padding:.1rem .3rem}
pre{padding:.7rem .9rem;overflow-x:auto;white-space:pre-wrap;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%}
td,th{text-align:left;vertical-align:top;padding:.3rem .7rem .3rem 0;border-bottom:1px solid #d7dfe7}
.note{border-left:4px solid #0b5cad;padding:.4rem .9rem;background:#eef5fc}
nav a{margin-right:1rem}
footer{margin-top:2.5rem;color:#5a6b7b;font-size:.9rem}
@media (prefers-color-scheme:dark){
body{color:#dce5ee;background:#11181f}a{color:#7db8f2}code,pre{background:#1d2832}
td,th{border-color:#2c3945}.note{background:#172330}}
"""


def page(title: str, body: str, *, footer: str = "") -> str:
    """A whole document. body and footer are HTML already; title is text."""
    return (
        f"<!doctype html><html lang=en><head><meta charset=utf-8><title>{html.escape(title)} - Harmonium</title>"
        f"<meta name=viewport content='width=device-width'><link rel=icon href='data:,'><style>{_STYLE}</style></head>"
        f"<body><nav><a href=/>Harmonium</a></nav><h1>{html.escape(title)}</h1>{body}"
        f"<footer>{footer}</footer></body></html>"
    )
