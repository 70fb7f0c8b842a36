from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        path = self.find_file_in_search_path(variables, "files", "data.txt", ignore_missing=True)
        other = self.find_file_in_search_path(variables, "files", "other.txt")
        return [len(terms), path is None and other is None]
