"""Names that code needs and names that it defines, followed through its scopes."""

import ast
import builtins
import symtable
from collections.abc import Iterable

KNOWN = {*dir(builtins), "__name__", "__file__"}


def global_names(node):
    """Names that a statement or an expression takes from the page, and names that it adds."""
    used, added = set(), set()
    pending = [symtable.symtable(ast.unparse(node), "cell", "exec")]
    while pending:
        scope = pending.pop()
        at_top = scope.get_type() == "module"
        for symbol in scope.get_symbols():
            is_global = at_top or symbol.is_global()
            if is_global and symbol.is_referenced():
                used.add(symbol.get_name())
            if is_global and (symbol.is_assigned() or symbol.is_imported()):
                added.add(symbol.get_name())
        pending += scope.get_children()
    # Python compiles comprehensions in line: what they bind would look like names of the page.
    generators = [part.target for part in ast.walk(node) if isinstance(part, ast.comprehension)]
    bound = {name.id for target in generators for name in ast.walk(target) if hasattr(name, "id")}
    return used - bound, added - bound


def names_of_cell(code):
    """Names that a cell needs before it runs, and names that it adds to the page."""
    needed, needed_later, added = set(), set(), set()
    for statement in ast.parse(code).body:
        used, new = global_names(statement)
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            needed_later |= used
        elif isinstance(statement, ast.Assign):
            needed |= global_names(statement.value)[0] - added
        elif isinstance(statement, ast.AugAssign):
            needed |= (used | new) - added
        else:
            needed |= used - new - added
        added |= new
    return needed | (needed_later - added), added


def undefined_names(cells: Iterable[str]) -> list[tuple[str, str]]:
    """(name, first line of the cell) of what a cell uses and neither it nor one before defines."""
    defined = set(KNOWN)
    found = []
    for code in cells:
        needed, added = names_of_cell(code)
        first_line = code.strip().splitlines()[0]
        found += [(name, first_line) for name in sorted(needed - defined)]
        defined |= added
    return found
