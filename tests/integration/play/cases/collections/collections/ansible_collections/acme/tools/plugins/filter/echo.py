from ..plugin_utils import volume


def echo(text, times=2):
    return [volume.raised(text)] * times


class FilterModule(object):
    def filters(self):
        return {"echo": echo}
