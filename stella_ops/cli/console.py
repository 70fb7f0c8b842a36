"""``stella-ops console``: module after module on hosts that are chosen as one goes along."""

from __future__ import annotations

import cmd
import dataclasses
import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stella_ops.booleans import says_yes
from stella_ops.cli import console_history, options
from stella_ops.cli.ansible_programs import AnsibleCommand, called_as_ansible
from stella_ops.cli.versions import version_option
from stella_ops.errors import PatternError, StellaError

if TYPE_CHECKING:
    from stella_ops.cli.workplace import Workplace

_LIST_HELP = "List the hosts in the current group or a list of groups if you add 'groups'."


@click.command(
    cls=AnsibleCommand,
    epilog="""\b
Examples:
  stella-ops console -i hosts.ini                all hosts; uptime, or any other shell command, runs on them
  stella-ops console web -i hosts.ini -b         as root; 'cd web1' narrows it, 'cd' widens it
  stella-ops console -i hosts.ini < commands     a line each

\b
In it: a module with its arguments (copy src=motd dest=/etc/motd), else a shell command; !COMMAND is one in any case;
help, cd PATTERN, list [groups], become yes, check yes, diff yes, forks N, timeout SECONDS, exit.""",
)
@version_option("console")
@click.argument("pattern", default="all")
@click.option("--step", is_flag=True, help="Ask before each task.")
@click.option("--playbook-dir", metavar="FOLDER", help="The folder whose group_vars, roles and files count.")
@options.inventory_options
@options.check_options
@options.connection_options
@options.run_options
def console(pattern: str, playbook_dir: str | None, **given: Any) -> int:
    """Run modules and shell commands on the hosts of PATTERN, one after the other as they are typed."""
    from stella_ops.cli.adhoc import adhoc_workplace
    from stella_ops.cli.limiting import check_limit
    from stella_ops.cli.tolerance import Sources

    workplace = adhoc_workplace(playbook_dir, given)
    Sources(workplace.settings).tell_of_no_hosts(workplace.inventory, pattern)
    check_limit(workplace.inventory, workplace.options.limit)
    folder = workplace.settings.choose("PLAYBOOK_DIR", Path(playbook_dir) if playbook_dir else None)
    with console_history.at_hand(workplace.project.state_dir / "console_history"):
        Console(workplace, pattern, folder).run()
    return 0


class Console(cmd.Cmd):
    """The conversation.

    Args:
        pattern: the hosts that it begins with.
        folder: the playbook's, where another than the current one is to count.
    """

    intro = "Welcome to the ansible console. Type help or ? to list commands.\n"

    def __init__(self, workplace: Workplace, pattern: str, folder: Path | None) -> None:
        super().__init__()

        self._workplace = workplace
        self._folder = folder
        self._pattern = pattern
        self._collections: list[str] = []
        assert workplace.modules is not None  # see adhoc_workplace
        self._modules = workplace.modules
        self._set_prompt()

    def run(self) -> None:
        """Take lines until there are no more, or one says that it is enough."""
        while True:
            try:
                self.cmdloop()
                return
            except KeyboardInterrupt:
                self.intro = ""
                self._say("")

    # -- lines

    def onecmd(self, line: str) -> bool:
        if line.startswith(" "):
            console_history.forget_last()
        try:
            return bool(super().onecmd(line.strip()))
        except StellaError as problem:
            self._tell(problem)
            return False

    def emptyline(self) -> bool:
        return False

    def default(self, line: str) -> None:
        if not line.startswith("#"):
            name, _, arguments = line.partition(" ")
            if self._is_module(name):
                self._run(name, arguments.strip())
            else:
                self._run("shell", line)

    def _is_module(self, name: str) -> bool:
        from stella_ops.playbook.module_names import canonical

        known = canonical(name, self._modules, self._collections)
        return known == "meta" or self._modules.spec(known) is not None

    def _run(self, module: str, arguments: str) -> None:
        from stella_ops.cli.adhoc import adhoc, check_arguments
        from stella_ops.cli.execution import execute

        place, searched = self._workplace, self._collections
        try:
            check_arguments(module, arguments)
            book = adhoc(place, self._pattern, module, arguments, collections=searched, folder=self._folder)
            execute(place, [book], kind="run", title=f"{self._pattern} -m {module}")
        except KeyboardInterrupt:
            self._complain("User interrupted execution")
        finally:
            place.inventory.warnings.clear()  # each is told once

    # -- what one may say besides

    def do_shell(self, arg: str) -> None:
        """Run a shell command: shell COMMAND, or !COMMAND."""
        self._run("shell", arg)

    def do_cd(self, arg: str) -> None:
        """Choose other hosts: cd PATTERN, as in web, web:db, web:!web3, web:&prod. Without one, all."""
        from stella_ops.cli.tolerance import tell_of_patterns

        if not arg or arg in ("/", "*", "/*"):
            self._pattern = "all" if arg else "*"
        elif self._hosts(arg):
            self._pattern = arg
        else:
            tell_of_patterns(self._workplace.inventory, none=False)
            self._workplace.inventory.warnings.clear()
            self._say("no host matched")
        self._set_prompt()

    def do_list(self, arg: str) -> None:
        """List the chosen hosts: list. Or all groups: list groups."""
        if not arg:
            self._say(*self._hosts(self._pattern))
        elif arg == "groups":
            self._say(*sorted(self._workplace.inventory.groups))
        else:
            self._complain('Invalid option passed to "list"')
            self._say(_LIST_HELP)

    def do_become(self, arg: str) -> None:
        """Run as another user from now on, or no longer: become yes, become no."""
        if self._is_given("become value", "become yes", arg):
            self._set(become=says_yes(arg) or None)

    def do_become_user(self, arg: str) -> None:
        """The other user: become_user NAME."""
        if self._is_given("a user", "become_user jenkins", arg):
            self._set(become_user=arg)

    def do_become_method(self, arg: str) -> None:
        """How to become another user: become_method NAME."""
        if self._is_given("a become_method", "become_method su", arg):
            self._set(become_method=arg)

    def do_remote_user(self, arg: str) -> None:
        """The user to log in as: remote_user NAME."""
        if self._is_given("a remote user", "remote_user root", arg):
            self._set(remote_user=arg)

    def do_check(self, arg: str) -> None:
        """Change nothing from now on, or no longer: check yes, check no."""
        if self._is_given("check mode value", "check yes", arg):
            self._set(check=says_yes(arg))
            self._say(f"check mode changed to {self._workplace.options.check}")

    def do_diff(self, arg: str) -> None:
        """Show what changes inside files from now on, or no longer: diff yes, diff no."""
        if self._is_given("a diff value ", "diff yes", arg):
            self._set(diff=says_yes(arg))
            self._say(f"diff mode changed to {self._workplace.options.diff}")

    def _is_given(self, what: str, example: str, arg: str) -> bool:
        """Whether a value is given; else it is asked for."""
        if not arg:
            self._say(f"Please specify {what}, e.g. `{example}`")
        return bool(arg)

    def do_forks(self, arg: str) -> None:
        """How many hosts to work on at once: forks N."""
        if not arg:
            self._say("Usage: forks <number>")
        elif not _is_number(arg):
            self._complain('Invalid argument for "forks"')
        elif int(arg) < 1:
            self._say("forks must be greater than or equal to 1")
        else:
            self._set(forks=int(arg))

    do_serial = do_forks

    def do_timeout(self, arg: str) -> None:
        """The longest a task may take, 0 for any: timeout SECONDS."""
        if not arg:
            self._say("Usage: timeout <seconds>")
        elif not _is_number(arg):
            self._complain(f"The timeout must be a valid positive integer, or 0 to disable: {arg!r} is none")
        elif int(arg) < 0:
            self._complain("The timeout must be greater than or equal to 1, use 0 to disable")
        else:
            self._set(task_timeout=int(arg))

    def do_verbosity(self, arg: str) -> None:
        """How much to show: verbosity N, as many -v."""
        if not arg:
            self._say("Usage: verbosity <number>")
        elif not _is_number(arg):
            self._complain(f"The verbosity must be a valid integer: {arg!r} is none")
        else:
            self._workplace.choices.verbose = max(int(arg), 0)
            self._set(verbosity=max(int(arg), 0))
            if int(arg) > 0:
                self._say(f"verbosity level set to {arg}")

    def do_collections(self, arg: str) -> None:
        """Where short names are looked for first: collections acme.tools,acme.web; none for nowhere."""
        named = [] if arg in ("", "none", '""', "''") else [name.strip() for name in arg.split(",")]
        self._collections = [*named, "ansible.builtin"] if named else []

    def do_exit(self, arg: str) -> bool:
        """Leave."""
        self._say("", "Ansible-console was exited." if called_as_ansible() else "Left the console.")
        return True

    do_quit = do_exit
    do_EOF = do_exit

    def do_help(self, arg: str) -> None:
        """What there is to say, or what a command or module does: help [NAME]."""
        if not arg or getattr(self, f"do_{arg}", None) is not None:
            super().do_help(arg)
            return
        from stella_ops.cli.modules import source_of
        from stella_ops.module_docs import read_doc
        from stella_ops.playbook.module_names import canonical

        name = canonical(arg, self._modules, self._collections)
        path = source_of(name, self._workplace.options.module_folders)
        if path is None:
            self._complain(f"{arg} is not a valid command, use ? to list all valid commands.")
            return
        told = read_doc(name, path)
        self._say(told.short, "Parameters:")
        for option, about in told.options.items():
            texts = about.get("description") or [""]
            self._say(f"  {option} {about.get('doc') or (texts if isinstance(texts, str) else texts[0])}".rstrip())

    # -- completion

    def complete_cd(self, text: str, line: str, begidx: int, endidx: int) -> list[str]:
        inventory = self._workplace.inventory
        return sorted(name for name in {*inventory.groups, *inventory.hosts} if name.startswith(text))

    def completenames(self, text: str, *ignored: Any) -> list[str]:
        return sorted(
            {*super().completenames(text), *(name for name in self._modules.names() if name.startswith(text))}
        )

    def completedefault(self, text: str, line: str, begidx: int, endidx: int) -> list[str]:
        from stella_ops.playbook.module_names import canonical

        spec = self._modules.spec(canonical(line.split()[0], self._modules, self._collections))
        return [f"{name}=" for name in sorted(spec.arguments or ()) if name.startswith(text)] if spec else []

    # -- state

    def _set(self, **changed: Any) -> None:
        self._workplace.options = dataclasses.replace(self._workplace.options, **changed)
        self._set_prompt()

    def _hosts(self, pattern: str) -> list[str]:
        try:
            return self._workplace.inventory.select(pattern, self._workplace.options.limit)
        except PatternError as problem:
            self._tell(problem)
            return []

    def _set_prompt(self) -> None:
        chosen = self._workplace.options
        user = chosen.remote_user or getpass.getuser()
        text = f"{user}@{self._pattern} ({len(self._hosts(self._pattern))})[f:{chosen.forks}]"
        as_root = bool(chosen.become) and chosen.become_user in (None, "root")
        self.prompt = f"{text}{'#' if as_root else '$'} "

    def _say(self, *lines: str) -> None:
        for line in lines:
            print(line, file=self.stdout)

    def _complain(self, message: str) -> None:
        sys.stdout.flush()
        print(f"[ERROR]: {message}", file=sys.stderr)

    def _tell(self, problem: StellaError) -> None:
        from stella_ops.console.problems import render_exception
        from stella_ops.console.stream import wants_color

        sys.stdout.flush()
        text = render_exception(problem, color=wants_color(sys.stderr), verbosity=self._workplace.options.verbosity)
        print(self._workplace.redactor.scrub(text), file=sys.stderr)


def _is_number(text: str) -> bool:
    return text.removeprefix("-").isdecimal()
