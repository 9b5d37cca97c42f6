"""Links of the documentation site to files that are in the repository but not on the site.

In docs/ such a link is relative (`../examples/minimal_pump.py`), so that it works on a code-hosting
site. On the documentation site it goes to the repository if mkdocs.yml has a `repo_url`; without
one, its text stays, with the path of the file behind it.
"""

import re
from posixpath import join, normpath
from typing import Any

__all__ = ["on_page_markdown"]

_LINK = re.compile(r"\[([^\]]*)\]\(([^)\s:]*\.\./[^)\s]*)\)")


def on_page_markdown(markdown: str, /, *, page: Any, config: Any, **_: Any) -> str:
    """Replace each link that leaves docs/; MkDocs calls this for every page."""

    def replace(link: re.Match[str]) -> str:
        text, target = link.groups()
        path = normpath(join("docs", page.file.src_uri, "..", target.partition("#")[0]))
        if path.startswith("docs/"):
            return link[0]
        if config.repo_url:
            return f"[{text}]({config.repo_url.rstrip('/')}/blob/HEAD/{path})"
        return f"{text} (`{path}` in the repository)"

    return _LINK.sub(replace, markdown)
