WORD = "role"
