"""The ranges that parameters share."""

import sys
from typing import Annotated

from msgspec import Meta

_LARGEST = sys.float_info.max  # infinity is a slip, not a choice

Seed = Annotated[int, Meta(ge=0)]
Count = Annotated[int, Meta(ge=0)]
QuestionsPerText = Annotated[int, Meta(ge=1, le=20)]
Positive = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
PositiveFloat = Annotated[float, Meta(gt=0.0, le=_LARGEST)]
NonNegativeFloat = Annotated[float, Meta(ge=0.0, le=_LARGEST)]
