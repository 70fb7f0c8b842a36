"""Files and texts encrypted by ansible-vault: format 1.1 and 1.2, cipher AES256.

``envelope`` knows the form, ``cipher`` the cryptography, ``keyring`` the passwords that a command has. Nothing here
imports the library ``cryptography`` before something is encrypted or decrypted.
"""
