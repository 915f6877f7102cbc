"""The flow of a story: the only room that knows all the stages, their order, what runs side by side, when to stop."""

from storygen.pipeline.flow import Pipeline
from storygen.pipeline.means import Steps
from storygen.pipeline.staging import together

__all__ = ["Pipeline", "Steps", "together"]
