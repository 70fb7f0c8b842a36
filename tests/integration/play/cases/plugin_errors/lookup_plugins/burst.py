from ansible.errors import AnsibleError, AnsibleFileNotFound, AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.template import trust_as_template


def raised_from(problem, cause):
    try:
        raise cause
    except type(cause) as caught:
        raise problem from caught


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        kind = terms[0]
        if kind == "caused":
            raise AnsibleError("outer", orig_exc=ValueError("inner"))
        if kind == "from":
            raised_from(AnsibleLookupError("outer."), ValueError("inner"))
        if kind == "plain from":
            raised_from(RuntimeError("outer"), AnsibleError("middle", orig_exc=ValueError("inner")))
        if kind == "told twice":
            raised_from(AnsibleError("outer: inner"), ValueError("inner"))
        if kind == "handled":
            try:
                raise ValueError("inner")
            except ValueError:
                raise AnsibleError("outer") from None
        if kind == "missing":
            raise AnsibleFileNotFound(file_name="/nowhere", paths=["/a", "/b"])
        if kind == "missing, said":
            raise AnsibleFileNotFound("said", file_name="/nowhere")
        if kind == "empty":
            raise ValueError
        if kind == "nothing said":
            raise AnsibleError
        if kind == "key":
            return [{}["key"]]
        return [self._templar.template(trust_as_template(kind))]
