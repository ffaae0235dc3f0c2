"""What holds for every test: Programs are verified, and property tests do not race the clock."""

import os

# The workers share the cores: threads of the linear algebra library would only wait for each other.
# It reads this when NumPy is imported, so it stands before everything that imports NumPy.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from hypothesis import settings

from fxad.config import config

# Every Program that a transform or a pass makes is checked, in subprocesses too.
os.environ["FXAD_VERIFY"] = "1"
config.verify = True

# The cores are shared by the workers, so the time of one example says nothing; and a failure
# is to come back on the next run, on every machine, without a database of examples.
settings.register_profile("fxad", deadline=None, derandomize=True, database=None)
settings.load_profile("fxad")
