"""xit: does English intermediate-task training help zero-shot cross-lingual transfer?

Importing it is enough for `transformers.AutoModel.from_pretrained` to load our checkpoints, before or after
transformers itself. It imports neither that nor torch: the Auto classes find ours when they are first used.
"""

import wrapt

__version__ = "0.1.0"

wrapt.register_post_import_hook("xit.modeling.auto_config:register", "transformers.models.auto.configuration_auto")
wrapt.register_post_import_hook("xit.modeling.auto_model:register", "transformers.models.auto.modeling_auto")
