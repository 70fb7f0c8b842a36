WORD = "lent"
