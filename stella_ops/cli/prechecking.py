"""Before a run: whether a template in it is certain to fail half-way."""

from __future__ import annotations

from collections.abc import Sequence

from stella_ops.cli.workplace import Workplace
from stella_ops.errors import StellaError
from stella_ops.linting.half_done import could_be
from stella_ops.playbook.model import Playbook


def refuse_what_is_certain_to_fail(workplace: Workplace, books: Sequence[Playbook]) -> None:
    """Look at playbooks that are about to run; see ``linting/precheck.py``.

    Raises:
        CertainFailure: a template in them is certain to fail, and what stands before it would be done in vain.
    """
    options = workplace.options
    # Where nothing changes nothing can be left half-done; what begins in the middle knows more than is written. Most of
    # what is behind this costs is Jinja2, which other runs spare.
    if options.check or options.step or options.start_at_task or not could_be(books):
        return
    import copy

    from stella_ops.cli.modules import module_index
    from stella_ops.cli.workplace import roles_path
    from stella_ops.linting.precheck import CertainFailure, check
    from stella_ops.playbook.files import PlaybookFiles

    # What is included later is read here with eyes of its own: it may be another file by then, and the modules that its
    # roles bring are not there before.
    modules = module_index(copy.deepcopy(options.module_folders), options.rejected_modules)
    files = PlaybookFiles(roles_path(workplace.project.root, workplace.settings))
    try:
        check(
            books,
            inventory=workplace.inventory,
            options=options,
            modules=modules,
            files=files,
            kept_facts=workplace.settings.choose("CACHE_PLUGIN", default="memory") != "memory",
        )
    except CertainFailure:
        raise
    except (StellaError, ArithmeticError, AttributeError, LookupError, OSError, RecursionError, TypeError, ValueError):
        return  # what the run will meet in its turn, it tells best; and no check may keep a good run from beginning
