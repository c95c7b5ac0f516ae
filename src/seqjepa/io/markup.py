"""Tables of texts as HTML, Markdown and LaTeX, in which whatever came from outside is text and never markup."""

from __future__ import annotations

import html
from collections.abc import Sequence

Rows = Sequence[Sequence[str]]
# What LaTeX takes for its own, and the signs that our own words use and an old LaTeX does not know.
LATEX = {
    "\\": r"\textbackslash{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "²": r"\textsuperscript{2}",
    "·": r"$\cdot$",
    "°": r"\textdegree{}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "−": r"$-$",
    "–": "--",
    "…": r"\dots{}",
}


def html_table(heads: Sequence[str], rows: Rows, caption: str = "") -> str:
    """A plain HTML table; the first cell of a row is its heading."""
    parts = ["<table>", f"<caption>{html.escape(caption)}</caption>" if caption else "", "<thead><tr>"]
    parts += [f"<th>{html.escape(head)}</th>" for head in heads] + ["</tr></thead><tbody>"]
    for first, *others in rows:
        cells = "".join(f"<td>{html.escape(text)}</td>" for text in others)
        parts.append(f"<tr><th>{html.escape(first)}</th>{cells}</tr>")
    return "".join([*parts, "</tbody></table>"])


def markdown_table(heads: Sequence[str], rows: Rows, texts: int = 1) -> str:
    """A Markdown table; columns after the first ``texts`` are numbers, on the right."""
    lines = [heads, ["---" if i < texts else "---:" for i in range(len(heads))]]
    cells = [[_in_one_line(text).replace("|", "\\|") for text in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in [*lines, *cells]) + "\n"


def latex_table(heads: Sequence[str], rows: Rows, texts: int = 1) -> str:
    """A LaTeX tabular with the rules of booktabs; columns after the first ``texts`` are numbers, on the right."""
    columns = "l" * texts + "r" * (len(heads) - texts)
    body = [" & ".join(map(latex_text, row)) + r" \\" for row in rows]
    head = " & ".join(map(latex_text, heads)) + r" \\"
    opening, closing = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule"], [r"\bottomrule", r"\end{tabular}", ""]
    return "\n".join([*opening, head, r"\midrule", *body, *closing])


def latex_text(text: str) -> str:
    """A text as LaTeX shows it as it is."""
    return "".join(LATEX.get(sign, sign) for sign in _in_one_line(text))


def _in_one_line(text: str) -> str:
    return " ".join(text.split())
