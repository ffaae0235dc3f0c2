"""The command line: the value and the derivatives of an expression, and the Programs behind them.

`main` reads the command, `expression` and `files` make a function of its first word, `arguments`
makes values of the others, and `report` writes the answer.
"""
