"""NumPy's functions, on arrays and traced values alike."""
from fxad.numpy import dispatch
