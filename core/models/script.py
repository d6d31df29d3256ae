"""What may be given while a model writes: a script of steps, and its tokens.

A script says what comes next in a text: words that are given, a choice between a few, or a line
that the model writes as it likes. Given tokens need no pass of their own through the network: they
go along with the next token that is chosen. What was given is told, and is nobody's evidence of
what the model can do.
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Given:
    """Text that is put in."""

    text: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One of these texts, token by token the likeliest that any of them allows.

    No option may begin with another. The script is sent the option chosen.
    """

    options: Sequence[str]


@dataclass(frozen=True, slots=True)
class Line:
    """Anything up to the end of a line, which is given after `most` tokens without one.

    Where the model ends its text, the line ends. The script is sent the line.
    """

    most: int


Step = Given | Choice | Line
Script = Generator[Step, str, None]  # is sent what was written in each step
Branch = dict[int, "Branch"]  # tokens that may come next, and what after each


@dataclass
class Guide:
    """A script in tokens, followed while a text is written.

    `encode`: the tokens of a text; `decode`: the text of tokens; `ends`: tokens that end a text.
    """

    script: Script
    encode: Callable[[str], list[int]]
    decode: Callable[[list[int]], str]
    ends: Sequence[int]
    done: bool = False  # nothing comes any more
    _branch: Branch | None = None  # of a choice
    _options: dict[tuple[int, ...], str] = field(default_factory=dict)  # by their tokens
    _left: int = 0  # tokens that a line may still have
    _written: list[int] = field(default_factory=list)  # in this step

    def begin(self) -> list[int]:
        """What is given before the first token that is chosen."""
        return self._next(None)

    @property
    def allowed(self) -> list[int] | None:
        """Tokens to choose among; None: any."""
        return None if self._branch is None else list(self._branch)

    def take(self, token: int) -> tuple[bool, list[int]]:
        """Whether the chosen token is written, and what is given after it."""
        if self._branch is None and token in self.ends:
            return False, self._line_ends(given=True)
        self._written.append(token)
        if self._branch is not None:
            self._branch = self._branch[token]
            return True, self._forced()
        self._left -= 1
        if "\n" in self.decode([token]):
            return True, self._line_ends(given=False)
        return True, [] if self._left else self._line_ends(given=True)

    def _line_ends(self, *, given: bool) -> list[int]:
        written, self._written = self.decode(self._written), []
        return [*(self.encode("\n") if given else []), *self._next(written)]

    def _forced(self) -> list[int]:
        """Tokens without an alternative in a choice, and what follows where they end it."""
        forced: list[int] = []
        while self._branch is not None and len(self._branch) == 1:
            ((token, self._branch),) = self._branch.items()
            forced.append(token)
            self._written.append(token)
        if self._branch:
            return forced
        chosen, self._written = self._options[tuple(self._written)], []
        return [*forced, *self._next(chosen)]

    def _next(self, written: str | None) -> list[int]:
        """Goes on to the next step in which the model has a choice."""
        given: list[int] = []
        self._branch = None
        while True:
            try:
                step = next(self.script) if written is None else self.script.send(written)
            except StopIteration:
                self.done = True
                return given
            if isinstance(step, Line):
                self._left = step.most
                return given
            if isinstance(step, Given):
                given += self.encode(step.text)
                written = step.text
                continue
            self._options = {tuple(self.encode(option)): option for option in step.options}
            self._branch = _branches(self._options)
            if len(self._branch) > 1:
                return given
            return given + self._forced()


def _branches(options: Iterable[Sequence[int]]) -> Branch:
    """Raises ValueError where one option begins another: its end could not be told."""
    root: Branch = {}
    ends: list[Branch] = []
    for option in options:
        at = root
        for token in option:
            at = at.setdefault(token, {})
        ends.append(at)
    if any(ends):
        raise ValueError("one option of a choice begins another")
    return root
