"""Functions of scikit-learn and SciPy, which have no types: what a checker makes of defaults is wrong."""

from __future__ import annotations

from typing import Any

from scipy import special
from sklearn.utils import validation

check_array: Any = validation.check_array
validate_data: Any = validation.validate_data
# The logistic function, and the softmax.
expit: Any = special.expit
softmax: Any = special.softmax
