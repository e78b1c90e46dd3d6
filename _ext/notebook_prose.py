"""The prose of a notebook: a page's resolved doctree, in the Markdown that JupyterLab reads.

In it roles and directives are gone: glued and published numbers stand in place, references have
their numbers. What remains are a few dozen kinds of nodes, each with a method of its name below;
a kind without one gives what its children give.
"""

import re
from collections.abc import Callable, Iterable, Mapping

from docutils import nodes

MARKUP = re.compile(r"([\\`*_\[\]<>$|])")
BLOCK_MARK = re.compile(r"^([#+-]|\d+[.)])(?=\s)")  # of a heading or a list
BARS = {"|": r"\vert ", r"\|": r"\Vert "}
WRAPPED = {
    "emphasis": "*{}*",
    "footnote_reference": "<sup>{}</sup>",
    "label": "<sup>{}</sup>",
    "rubric": "**{}**",
    "sd_tab_label": "**{}**",
    "strong": "**{}**",
    "superscript": "<sup>{}</sup>",
}
PREFIXED = (nodes.Admonition, nodes.block_quote, nodes.list_item, nodes.definition)
ON_THE_PAGE_ALONE = {"comment", "image", "index", "sd_tab_input", "toctree"}


def is_prefixed(node: nodes.Node) -> bool:
    """Tell whether lines of a node get a prefix from a quotation or a list around it."""
    while node := node.parent:
        if isinstance(node, PREFIXED):
            return True
    return False


def prefixed(text: str, first: str, others: str) -> str:
    """Put one prefix before the first line of a block, another before its other lines."""
    return first + text.replace("\n", f"\n{others}")


def folded(head: str, body: str) -> str:
    """Write what opens at a click; Markdown within HTML wants empty lines around it."""
    return f"<details><summary>{head}</summary>\n\n{body}\n\n</details>"


class Prose:
    """Markdown of the nodes of one page.

    ``numbers`` counts as Sphinx does, by kind and anchor; ``macros`` are TeX's, without arguments;
    ``link`` turns an address as the page has it into one that holds for the notebook.
    """

    def __init__(
        self,
        numbers: Mapping[str, Mapping[str, tuple[int, ...]]],
        macros: Mapping[str, str],
        link: Callable[[str], str],
    ) -> None:
        self.numbers = numbers
        self.macros = macros
        self.macro = re.compile(rf"\\({'|'.join(map(re.escape, macros))})(?![A-Za-z])")
        self.link = link
        self.in_table = False

    def write(self, node: nodes.Node) -> str:
        """Write a node by the method of its class, or of the nearest base that has one."""
        name = type(node).__name__
        if name in ON_THE_PAGE_ALONE:
            return ""
        if name in WRAPPED:
            return WRAPPED[name].format(self.inline(node))
        methods = (getattr(self, f"_{kind.__name__}", None) for kind in type(node).__mro__)
        if method := next(filter(None, methods), None):
            return method(node)
        return self.inline(node) if isinstance(node, nodes.TextElement) else self.blocks(node)

    def inline(self, node: nodes.Element) -> str:
        """Write the parts of a line."""
        return "".join(map(self.write, node.children))

    def blocks(self, children: Iterable[nodes.Node]) -> str:
        """Write blocks with an empty line between two."""
        return "\n\n".join(filter(None, map(self.write, children)))

    def anchors(self, node: nodes.Element) -> str:
        """Write the places to which a link on the page can lead."""
        return "".join(f'<a id="{name}"></a>' for name in node["ids"])

    def number(self, kind: str, names: Iterable[str]) -> str:
        """Give the number that one of the anchors has, or nothing."""
        counted = self.numbers.get(kind, {})
        return next((".".join(map(str, counted[name])) for name in names if name in counted), "")

    def tex(self, node: nodes.Element) -> str:
        """Give TeX without macros; in a table a bar would end the cell."""
        text = self.macro.sub(lambda match: self.macros[match[1]], node.astext().strip())
        return re.sub(r"\\?\|", lambda bar: BARS[bar[0]], text) if self.in_table else text

    def _Text(self, node: nodes.Text) -> str:
        return BLOCK_MARK.sub(r"\\\1", MARKUP.sub(r"\\\1", node.astext()))

    def _raw(self, node: nodes.raw) -> str:
        return "<br>" if node.astext().startswith("<br") else ""

    def _literal(self, node: nodes.literal) -> str:
        text = node.astext().replace("|", r"\|") if self.in_table else node.astext()
        return f"`` {text} ``" if "`" in text else f"`{text}`"

    def _math(self, node: nodes.math) -> str:
        return f"${' '.join(self.tex(node).split())}$"

    def _reference(self, node: nodes.reference) -> str:
        address = node.get("refuri") or f"#{node['refid']}"
        return f"[{self.inline(node)}]({self.link(address)})"

    def _download_reference(self, node: nodes.Element) -> str:
        return f"[{self.inline(node)}]({self.link('/_downloads/' + node['filename'])})"

    def _target(self, node: nodes.Element) -> str:
        return self.anchors(node) + self.inline(node)

    _term = _target

    def _title(self, node: nodes.title) -> str:
        section = node.parent
        depth = 0
        while isinstance(section, nodes.section):
            section = section.parent
            depth += 1
        # Sphinx counts the section that is the page under no anchor.
        names = [f"#{name}" for name in node.parent["ids"]] if depth > 1 else [""]
        number = self.number("section", names)
        parts = ["#" * depth, number and f"{number}.", self.inline(node)]
        return f"{self.anchors(node.parent)}\n\n{' '.join(filter(None, parts))}"

    def _math_block(self, node: nodes.math_block) -> str:
        number = self.number("displaymath", node["ids"])
        tag = f"\n\\tag{{{number}}}" if number else ""
        formula = f"$$\n{self.tex(node)}{tag}\n$$"
        if is_prefixed(node):  # Jupyter takes formulas out first, with prefixes of their lines
            formula = " ".join(formula.split())
        return f"{self.anchors(node)}\n\n{formula}".lstrip()

    def _literal_block(self, node: nodes.literal_block) -> str:
        code = node.astext().rstrip("\n")
        return f"```{node.get('language', '')}\n{code}\n```"

    def _block_quote(self, node: nodes.Element) -> str:
        return prefixed(self.blocks(node.children), "> ", "> ")

    def _bullet_list(self, node: nodes.Element) -> str:
        return "\n".join(prefixed(self.blocks(item.children), "- ", "  ") for item in node)

    _definition_list = _bullet_list

    def _enumerated_list(self, node: nodes.enumerated_list) -> str:
        items = enumerate(map(self.blocks, node.children), node.get("start", 1))
        return "\n".join(prefixed(text, f"{count}. ", "   ") for count, text in items)

    def _Admonition(self, node: nodes.Element) -> str:
        """Write a theorem or a note as a quotation with a bold head, an answer folded."""
        titled = isinstance(node[0], nodes.title)
        head = self.inline(node[0]).strip() if titled else type(node).__name__.title()
        body = self.blocks(node[int(titled) :])
        if "dropdown" in node["classes"]:
            return folded(head, body)
        bold = f"**{head}**"
        if kind := node.get("realtype"):
            bold = f"**{kind.title()} {self.number(node['countertype'], node['ids'])}** {head}"
        return prefixed(f"{self.anchors(node)}{bold}\n\n{body}", "> ", "> ")

    def _dropdown_main(self, node: nodes.Element) -> str:
        return folded(self.inline(node[0]), self.blocks(node[1:]))

    def _proof_node(self, node: nodes.Element) -> str:
        return self._block_quote(node[0])

    def _figure(self, node: nodes.figure) -> str:
        """Write the caption: the picture is the output of the cell before it."""
        head = f"**Fig. {self.number('figure', node['ids'])}**"
        return f"{self.anchors(node)}{head} {self.blocks(node.children)}"

    def _table(self, node: nodes.table) -> str:
        """Write the caption, and rows of one line; Markdown knows no table without a head."""
        rows = list(node.findall(nodes.row))
        self.in_table = True
        lines = ["| " + " | ".join(map(self._entry, row)) + " |" for row in rows]
        self.in_table = False
        if not any(node.findall(nodes.thead)):
            lines.insert(0, "|" + "   |" * len(rows[0]))
        lines.insert(1, "|" + "---|" * len(rows[0]))
        text = "\n".join(lines)
        if isinstance(node[0], nodes.title):
            head = f"**Table {self.number('table', node['ids'])}** {self.inline(node[0])}"
            text = f"{self.anchors(node)}{head}\n\n{text}"
        return text

    def _entry(self, node: nodes.entry) -> str:
        return self.blocks(node.children).replace("\n\n", "<br>").replace("\n", " ")
