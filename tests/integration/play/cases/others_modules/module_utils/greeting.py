from ansible.module_utils.ours.deep import depth


def greet(name):
    return "hello %s, %d deep" % (name, depth())
