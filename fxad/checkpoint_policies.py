"""What `fxad.checkpoint` keeps for the backward pass beside the arguments, with JAX's names.

- `nothing_saveable`: nothing; all is computed again. This is what holds without a policy.
- `everything_saveable`: everything, as without `checkpoint`.
- `dots_saveable`: matrix products and other contractions, which are what costs most to compute again.
- `dots_with_no_batch_dims_saveable`: of those the ones that are no stack of products.
- `save_only_these_names`, `save_any_names_but_these` and `save_anything_except_these_names`, of names:
  by those that `fxad.checkpoint_name` gives.
- `save_from_both_policies(a, b)`: what either keeps.
"""

from fxad.api.checkpointing import (
    dots_saveable,
    dots_with_no_batch_dims_saveable,
    everything_saveable,
    nothing_saveable,
    save_any_names_but_these,
    save_anything_except_these_names,
    save_from_both_policies,
    save_only_these_names,
)

checkpoint_dots = dots_saveable
checkpoint_dots_with_no_batch_dims = dots_with_no_batch_dims_saveable

__all__ = [
    "checkpoint_dots", "checkpoint_dots_with_no_batch_dims", "dots_saveable",
    "dots_with_no_batch_dims_saveable", "everything_saveable", "nothing_saveable", "save_any_names_but_these",
    "save_anything_except_these_names", "save_from_both_policies", "save_only_these_names",
]
