"""What a plug-in sees of what fails: the class that it catches, and the message."""

from ansible.errors import (
    AnsibleError,
    AnsibleFileNotFound,
    AnsibleTemplateError,
    AnsibleUndefinedVariable,
)
from ansible.plugins.loader import lookup_loader
from ansible.plugins.lookup import LookupBase
from ansible.template import trust_as_template


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        return [self.attempt(kind, *arguments, variables=variables) for kind, *arguments in terms]

    def attempt(self, kind, *arguments, variables):
        try:
            return ["done", getattr(self, kind)(*arguments, variables=variables)]
        except AnsibleUndefinedVariable as problem:
            return ["undefined", str(problem), problem.message]
        except AnsibleTemplateError as problem:
            return ["template", str(problem), problem.message]
        except AnsibleFileNotFound as problem:
            return ["missing", str(problem).splitlines()[:2]]
        except AnsibleError as problem:
            return ["error", str(problem), problem.message]
        except Exception as problem:
            return [type(problem).__name__, str(problem)]

    def render(self, text, variables):
        return self._templar.template(trust_as_template(text))

    def holds(self, text, variables):
        return self._templar.evaluate_conditional(trust_as_template(text))

    def untrusted(self, text, variables):
        return self._templar.evaluate_conditional(text)

    def variable(self, name, variables):
        return variables[name]

    def read(self, path, variables):
        return self._loader.get_text_file_contents(path)

    def real(self, path, variables):
        return self._loader.get_real_file(path)

    def runs(self, path, variables):
        return bool(self._loader.is_executable(path))

    def search(self, name, variables):
        found = self.find_file_in_search_path(variables, "files", name, ignore_missing=True)
        return found and found.rpartition("/")[2]

    def stack(self, name, variables):
        return self._loader.path_dwim_relative_stack(["/dev"], "nothing", name)

    def other(self, name, given, variables):
        other = lookup_loader.get(name, loader=self._loader, templar=self._templar)
        return other and other.run(given, variables)
