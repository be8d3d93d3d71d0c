"""What a run may spend, taken before each request and settled after it, so that calls in flight can't overdraw it."""

from dataclasses import dataclass

from haechi.llm.endpoint import Limits
from haechi.llm.types import Usage


@dataclass
class Spent:
    """What a run has used so far."""

    requests: int = 0
    answers: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0

    def __str__(self) -> str:
        tokens = self.tokens_in + self.tokens_out
        return f"{self.requests} requests, {self.answers} answers, {tokens} tokens, cost {self.cost:.4f}"


class Budget:
    """Lets a request go if the run can pay for the most that it may cost."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._tokens = 0  # of calls in flight, at most
        self._cost = 0.0
        self.in_flight = 0
        self.spent = Spent()

    def lacks(self, most: Usage) -> str:
        """The variable that stands in the way of a request that may use so much, or nothing."""
        limits, spent = self._limits, self.spent
        if limits.max_requests and spent.requests + 1 > limits.max_requests:
            return "HAECHI_LLM_MAX_REQUESTS"
        if limits.max_tokens and spent.tokens_in + spent.tokens_out + self._tokens + most.tokens > limits.max_tokens:
            return "HAECHI_LLM_MAX_TOKENS"
        if limits.max_cost and spent.cost + self._cost + limits.cost(most.tokens_in, most.tokens_out) > limits.max_cost:
            return "HAECHI_LLM_MAX_COST"
        return ""

    def take(self, most: Usage) -> None:
        """Set aside what one request may use."""
        self.in_flight += 1
        self.spent.requests += 1
        self._tokens += most.tokens
        self._cost += self._limits.cost(most.tokens_in, most.tokens_out)

    def settle(self, most: Usage, used: Usage | None, sent: bool = True) -> float:
        """Give back what was set aside and book what was used, if there was an answer; what that cost."""
        self.in_flight -= 1
        self.spent.requests -= not sent
        self._tokens -= most.tokens
        self._cost -= self._limits.cost(most.tokens_in, most.tokens_out)
        if used is None:
            return 0.0
        cost = self._limits.cost(used.tokens_in, used.tokens_out)
        self.spent.answers += 1
        self.spent.tokens_in += used.tokens_in
        self.spent.tokens_out += used.tokens_out
        self.spent.cost += cost
        return cost

    def sentence(self, lacks: str) -> str:
        """What a run that stops for want of budget says."""
        return (
            f"the budget in {lacks} allows no further request after {self.spent}; the answers are kept: "
            "raise it, or run the same command again to spend as much once more"
        )


def about(text: str) -> int:
    """Tokens of a text, roughly and rather too many: tokenizers differ, and a budget must hold with any of them.

    A Hangul syllable or a hanja is taken for one token, other characters for a third of one.
    """
    wide = sum(char > "\u2e7f" for char in text)
    return wide + (len(text) - wide + 2) // 3
