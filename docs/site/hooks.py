"""What MkDocs needs to know of pages that are also read in the repository: where their links lead from here."""

import re
from pathlib import Path

from mkdocs.utils import get_relative_url

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)#\s]+)(#[^)]*)?\)")


def on_page_markdown(markdown, page, **_):
    """A link to a file that is no page (source, an example, a folder of results) becomes its name."""
    here = (ROOT / "docs" / page.file.src_uri).parent

    def told(match):
        text, target = match[1], match[2]
        if "://" in target:
            return match[0]
        place = (here / target).resolve()
        if not place.exists():
            return match[0]  # left to the strict build, which tells of it
        inside = place.is_relative_to(ROOT / "docs")
        if inside and place.is_file() and place.suffix in (".md", ".png", ".svg", ".json", ".csv", ".yaml"):
            return match[0]
        name = place.relative_to(ROOT)
        return f"{text} (`{name}` of the repository)" if text != str(name) else f"`{name}`"

    return LINK.sub(told, markdown)


def on_config(config, **_):
    """Pages of results join the navigation by themselves; any other page must be named in it."""
    docs = ROOT / "docs"
    [results] = [entry["Results"] for entry in config.nav if "Results" in entry]
    for page in sorted((docs / "results").rglob("*.md")):
        name = str(page.relative_to(docs))
        if name not in results:
            results.append(name)
    return config


SHIM = "https://unpkg.com/iframe-worker/shim"


def on_post_page(output, page, **_):
    """What makes the search work from a folder comes with the site, and not from the network."""
    return output.replace(SHIM, get_relative_url("site/iframe-worker.js", page.url))


def on_post_template(output_content, **_):
    """The same for pages that belong to no source, as 404.html."""
    return output_content.replace(SHIM, "site/iframe-worker.js")
