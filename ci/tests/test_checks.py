"""Dagger's own checks: `dagger check` has each stage that `test` runs."""

import ast
from pathlib import Path

MODULE = Path(__file__).parents[1] / "src/mnist_pipeline"
MAIN = (MODULE / "main.py").read_text(encoding="utf-8")


def usual() -> set[str]:
    """The stages that run where none is named."""
    tree = ast.parse((MODULE / "stages.py").read_text(encoding="utf-8"))
    tables = {
        ast.unparse(node.target if isinstance(node, ast.AnnAssign) else node.targets[0]): node.value
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
    }
    stages, on_demand = tables["STAGES"], tables["ON_DEMAND"]
    assert isinstance(stages, ast.Dict)
    assert isinstance(on_demand, ast.Set)
    names = {str(ast.literal_eval(key)) for key in stages.keys if key}
    return names - {str(ast.literal_eval(name)) for name in on_demand.elts}


def checks(main: str) -> dict[str, str]:
    """What each function that is a check returns, by its name as the command line has it."""
    functions = (n for n in ast.walk(ast.parse(main)) if isinstance(n, ast.AsyncFunctionDef))
    return {
        function.name.replace("_", "-"): ast.unparse(function.body[-1])
        for function in functions
        if "check" in map(ast.unparse, function.decorator_list)
    }


def test_each_stage_is_a_check_of_its_name() -> None:
    """Every stage that is not on demand has one, which runs that stage, and there is no other."""
    assert checks(MAIN) == {name: f"return await self.test(['{name}'])" for name in usual()}


def test_a_stage_without_a_check_is_found() -> None:
    """A function that loses its mark is missed."""
    marked = "    @check\n    async def image_structure("
    assert marked in MAIN
    planted = MAIN.replace(marked, marked.removeprefix("    @check\n"))
    assert usual() - checks(planted).keys() == {"image-structure"}
