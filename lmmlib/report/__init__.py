"""What the report alone needs: the discussion's experiments and its programs, rebuilt.

Imported by chapters only.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["discussion_models", "experiments", "figures"],
    submod_attrs={
        "discussion_models": [
            "random_scale_model",
            "variance_form_model",
            "working_independence_model",
        ],
        "experiments": ["Experiment", "experiment_1", "experiment_2"],
    },
)
