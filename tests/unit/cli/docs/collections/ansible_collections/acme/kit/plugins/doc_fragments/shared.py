class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  state: {type: str}
  shared: {description: Of all., type: bool, default: no}
notes: [A note of all.]
requirements: [a library]
"""
    MORE = r"""
attributes:
  check_mode: {support: full, description: Can run so.}
  diff_mode: {support: partial, description: Can tell., details: Not all.}
"""
